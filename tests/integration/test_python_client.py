"""The Python API against running services: the answers of offline, and the examples of the documentation."""

from pathlib import Path
from typing import Any

import pytest

import deep_semantic_coding as dsc
from helpers.doc_examples import printed
from helpers.real_processes import Running, System

DOCUMENT = "docs/python-api.md"


def test_a_client_gets_what_a_database_gives(running: Running, system: System, cache: Path) -> None:
    database = dsc.Database.open(system.index)
    places = {"server": running.server.address, "channel": running.channel.address, "cache": cache}
    with dsc.Client(**places) as client:
        for photo in system.queries[:3]:
            packet = client.encode(photo)
            assert packet == database.encode(photo)
            answer = client.query(photo, snr_db=3, seed=2, request_id="r", top=5)
            signal = dsc.transmit(packet, snr_db=3, seed=2, request_id="r")
            offline = database.retrieve(signal, top=5)
            assert answer.packet == packet.data
            assert answer.results.images == offline.images
            assert answer.results.confidence == offline.confidence
            again = client.query(database.extract(photo), snr_db=3, seed=2, request_id="r", top=5)
            assert again.results.images == offline.images
        with pytest.raises(dsc.InvalidInputError, match=r"^expected a field of the link, [^\n]*$"):
            client.query(system.queries[0], snr=3)


def test_nobody_there_is_an_error_of_one_line(cache: Path) -> None:
    with pytest.raises(dsc.UnreachableError, match=r"^server at 127.0.0.1:1 [^\n]*$"):
        dsc.Client(server="127.0.0.1:1", cache=cache, wait_s=0.3)


def test_the_examples_with_photos_and_services(
    running: Running, system: System, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    names: dict[str, Any] = {"dsc": dsc, "photos": system.photos, "folder": tmp_path / "index"}
    names |= {"model": system.model, "query": system.queries[0], "photo": system.queries[0]}
    lines = printed(DOCUMENT, "photos", names).splitlines()
    assert [line.split()[0] for line in lines] == [str(rank) for rank in range(1, len(lines) + 1)]
    addresses = {"127.0.0.1:50051": running.server.address, "127.0.0.1:50052": running.channel.address}
    said = printed(DOCUMENT, "client", names, **addresses).splitlines()
    assert said[0].startswith("44 ['photos/")
    assert said[1].endswith("bits wrong")
