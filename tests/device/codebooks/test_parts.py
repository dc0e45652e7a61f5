"""Codebooks in parts: what is downloaded when, the same packets, and caches that are damaged or full."""

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.manifest import ArtifactKind, CodebookParts, Manifest
from dsc_common.codebook.precision import Stored
from dsc_common.errors import DamagedIndexError, DscError, UnknownCodebookError
from dsc_common.features.extraction import Extraction
from dsc_common.packet.format import PacketFormat
from dsc_common.serving.address import Peer
from dsc_device.client import CodebookClient
from dsc_device.codebooks import in_parts
from dsc_device.codebooks.choice import DEFAULT_MAX_BYTES, Codebooks
from dsc_device.codebooks.download import fetch_encoder_kit
from dsc_device.encoder_kit import EncoderKit
from helpers.examples import random_codebook
from helpers.fake_codebooks import FakeServer, file_of

K, T, M, WIDTH = 32, 5, 4, 4
SERVER = Peer("server", "example:50051")
SIZES = [3, 0, 1, 7] * 8


@pytest.fixture
def server(tiny_model: Path) -> FakeServer:
    model = tiny_model.read_bytes()
    manifest = Manifest(
        "1", "dsc-pq", PacketFormat(K, T, M), M * WIDTH, 48, {ArtifactKind.MODEL: file_of(model)}
    )
    fake = FakeServer({ArtifactKind.MODEL: model}, manifest)
    fake.offer_in_parts(codebook(0), "1")
    return fake


def codebook(seed: int) -> Codebook:
    return random_codebook(np.random.default_rng(seed), SIZES, M, WIDTH)


def extraction(head: list[int], seed: int = 0) -> Extraction:
    """A feature whose most likely labels are `head`."""
    probabilities = np.zeros(K, dtype=np.float32)
    probabilities[head] = np.linspace(0.5, 0.1, len(head))
    return Extraction(
        np.random.default_rng(seed).standard_normal(M * WIDTH).astype(np.float32), probabilities
    )


def fetch(
    server: FakeServer,
    cache: Path,
    codebooks: Codebooks = Codebooks.ON_DEMAND,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> EncoderKit:
    client = CodebookClient(server, SERVER, timeout_s=1)  # type: ignore[arg-type]
    return fetch_encoder_kit(client, cache, codebooks=codebooks, max_bytes=max_bytes)


def words_of(server: FakeServer, labels: list[int]) -> set[str]:
    assert server.manifest.parts is not None
    return {server.manifest.parts.subcodebooks[label].sha256 for label in labels}


def test_packets_do_not_depend_on_how_the_codebook_came(server: FakeServer, tmp_path: Path) -> None:
    queries = [extraction([n, 31 - n, (n + 7) % K, (n + 12) % K, (n + 18) % K], n) for n in range(12)]
    whole = replace(server.manifest, parts=None)
    for sequential in (False, True):
        server.manifest = replace(server.manifest, sequential=sequential)
        in_parts = [fetch(server, tmp_path / str(kind), kind) for kind in Codebooks]
        oracle = EncoderKit(replace(whole, sequential=sequential), codebook(0), None)
        for query in queries:
            expected = oracle.encode(query).data
            assert [kit.encode(query).data for kit in in_parts] == [expected, expected]


def test_on_demand_each_sub_codebook_comes_when_it_is_first_needed(
    server: FakeServer, tmp_path: Path
) -> None:
    kit = fetch(server, tmp_path)
    assert server.manifest.parts is not None
    first = {server.manifest.parts.codewords.sha256, ArtifactKind.MODEL}
    assert set(server.downloads) == first
    kit.encode(extraction([1, 2, 3, 4, 5]))  # 1 and 5 are empty, and so the same file
    assert set(server.downloads) == first | words_of(server, [1, 2, 3, 4])
    assert len(server.downloads) == 2 + 4
    kit.encode(extraction([5, 4, 3, 2, 6]))
    assert server.downloads[6:] == [*words_of(server, [6])]


def test_in_full_all_come_at_the_start(server: FakeServer, tmp_path: Path) -> None:
    kit = fetch(server, tmp_path, Codebooks.FULL)
    assert words_of(server, list(range(K))) <= set(server.downloads)
    assert ArtifactKind.CODEBOOK not in server.downloads
    server.downloads.clear()
    kit.encode(extraction([1, 2, 3, 4, 5]))
    assert server.downloads == []


@pytest.mark.parametrize("kind", Codebooks)
def test_a_warm_start_transfers_the_manifest_alone(
    kind: Codebooks, server: FakeServer, tmp_path: Path
) -> None:
    query = extraction([1, 2, 3, 4, 5])
    packet = fetch(server, tmp_path, kind).encode(query).data
    server.downloads.clear()
    assert fetch(server, tmp_path, kind).encode(query).data == packet
    assert (server.downloads, server.manifests) == ([], 2)


@pytest.mark.parametrize("kind", Codebooks)
def test_of_a_new_index_only_what_changed_is_downloaded(
    kind: Codebooks, server: FakeServer, tmp_path: Path
) -> None:
    query = extraction([0, 2, 3, 4, 6])
    fetch(server, tmp_path, kind).encode(query)
    server.downloads.clear()
    old = codebook(0)
    words = old.words.copy()
    words[old.offsets[3] : old.offsets[4]] += 1
    changed = replace(old, words=words)
    server.offer_in_parts(changed, "2")
    kit = fetch(server, tmp_path, kind)
    assert kit.encode(query).data == EncoderKit(kit.manifest, changed, None).encode(query).data
    assert server.downloads == [*words_of(server, [3])]


def test_a_server_without_parts_sends_the_whole_codebook(server: FakeServer, tmp_path: Path) -> None:
    server.manifest = replace(server.manifest, parts=None)
    kit = fetch(server, tmp_path)
    assert set(server.downloads) == set(ArtifactKind)
    assert isinstance(kit.codebook, Codebook)


@pytest.mark.parametrize("kind", Codebooks)
@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_a_damaged_part_is_downloaded_again_when_it_is_used(
    damage: bytes | None, kind: Codebooks, server: FakeServer, tmp_path: Path
) -> None:
    query = extraction([0, 2, 3, 4, 6])
    packet = fetch(server, tmp_path, kind).encode(query).data
    for path in tmp_path.glob("*.words"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content) if damage is None else damage)
    server.downloads.clear()
    assert fetch(server, tmp_path, kind).encode(query).data == packet
    needed = words_of(server, [0, 2, 3, 4, 6])
    assert set(server.downloads) >= needed
    if kind is Codebooks.ON_DEMAND or damage is None:  # the others are not read
        assert set(server.downloads) == needed
    assert {file_of((tmp_path / f"{name}.words").read_bytes()).sha256 for name in needed} == needed


@pytest.mark.parametrize("what", ["removed", "cut off", "replaced"])
def test_a_part_that_others_share_is_downloaded_again_if_it_is_lost_while_a_device_runs(
    what: str, server: FakeServer, tmp_path: Path
) -> None:
    kit = fetch(server, tmp_path)
    kit.encode(extraction([1, 2, 3, 4, 0]))
    (name,) = words_of(server, [1, 5])  # empty partitions have one file
    path = tmp_path / f"{name}.words"
    if what == "removed":  # by another process with a smaller limit
        path.unlink()
    elif what == "cut off":
        path.write_bytes(b"")
    else:
        path.with_name("other").write_bytes(b"x" * path.stat().st_size)
        path.with_name("other").replace(path)
    query = extraction([5, 2, 3, 4, 0])
    assert kit.encode(query).data == EncoderKit(kit.manifest, codebook(0), None).encode(query).data
    assert server.downloads.count(name) == 2


def test_a_part_that_arrives_damaged_is_refused(server: FakeServer, tmp_path: Path) -> None:
    kit = fetch(server, tmp_path)
    (name,) = words_of(server, [3])
    server.files[name] = server.files[name][:-1] + b"\x7f"
    with pytest.raises(DamagedIndexError, match=r"^the sub-codebook arrived damaged: expected \d+ bytes"):
        kit.encode(extraction([1, 2, 3, 4, 5]))
    assert name not in {path.stem for path in tmp_path.iterdir()}
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


def test_a_part_of_another_shape_is_refused(server: FakeServer, tmp_path: Path) -> None:
    assert server.manifest.parts is not None
    swapped = list(server.manifest.parts.subcodebooks)
    swapped[2], swapped[3] = swapped[3], swapped[2]
    server.manifest = replace(
        server.manifest, parts=CodebookParts(server.manifest.parts.codewords, tuple(swapped))
    )
    with pytest.raises(DamagedIndexError, match=r"expected words \(1, 4, 4\), got \(7, 4, 4\)$"):
        fetch(server, tmp_path).encode(extraction([2]))


@pytest.mark.parametrize("count", [0, K - 1, K + 1])
def test_another_number_of_parts_is_refused(count: int, server: FakeServer, tmp_path: Path) -> None:
    assert server.manifest.parts is not None
    few = (server.manifest.parts.subcodebooks * 2)[:count]
    server.manifest = replace(server.manifest, parts=CodebookParts(server.manifest.parts.codewords, few))
    with pytest.raises(DamagedIndexError, match=rf"does not fit: expected {count} codewords, got {K}$"):
        fetch(server, tmp_path)


def test_parts_too_large_are_refused_before_they_come(server: FakeServer, tmp_path: Path) -> None:
    assert server.manifest.parts is not None
    large = tuple(replace(file, size_bytes=1 << 29) for file in server.manifest.parts.subcodebooks)
    server.manifest = replace(server.manifest, parts=CodebookParts(server.manifest.parts.codewords, large))
    with pytest.raises(DamagedIndexError, match=r"^the server offers no sub-codebooks of at most 8 GiB$"):
        fetch(server, tmp_path)


def test_a_new_index_before_a_query_is_an_error_that_the_querier_knows(
    server: FakeServer, tmp_path: Path
) -> None:
    class Moved(CodebookClient):
        def download(self, *_arguments: object) -> Iterator[bytes]:  # type: ignore[override]
            raise UnknownCodebookError("codebook version 1 is not held here")

    client = CodebookClient(server, SERVER, 1)  # type: ignore[arg-type]
    later = Moved(server, SERVER, 1)  # type: ignore[arg-type]
    kit = fetch_encoder_kit(
        client, tmp_path, codebooks=Codebooks.ON_DEMAND, connect=lambda: contextlib.nullcontext(later)
    )
    with pytest.raises(UnknownCodebookError):
        kit.encode(extraction([1, 2, 3, 4, 5]))


def test_a_limit_that_is_too_small_keeps_what_the_run_uses(server: FakeServer, tmp_path: Path) -> None:
    query = extraction([0, 2, 3, 4, 6])
    old = fetch(server, tmp_path, max_bytes=0)
    packet = old.encode(query).data
    before = {path.name for path in tmp_path.iterdir()}
    assert words_of(server, [0, 2, 3, 4, 6]) <= {name.split(".")[0] for name in before}
    server.offer_in_parts(codebook(1), "2")
    new = fetch(server, tmp_path, max_bytes=0)
    after = {path.name for path in tmp_path.iterdir()}
    assert not {name for name in after & before if name.endswith((".words", ".codewords"))}
    assert old.encode(query).data == packet  # it has mapped what is gone
    assert new.encode(query).data == EncoderKit(new.manifest, codebook(1), None).encode(query).data


def test_the_words_that_were_used_last_stay_mapped(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not mapped any more is mapped again from the cache, and the packets stay the same."""
    rng = np.random.default_rng(5)
    queries = [extraction(rng.permutation(K)[:T].tolist(), n) for n in range(40)]
    expected = [fetch(server, tmp_path).encode(query).data for query in queries]
    limit = T * codebook(0).stored(3).nbytes  # the words of one photo
    monkeypatch.setattr(in_parts, "MAX_MAPPED_BYTES", limit)
    kit = fetch(server, tmp_path)
    server.downloads.clear()
    mapped: list[int] = []
    for query, packet in zip(queries, expected, strict=True):
        assert kit.encode(query).data == packet
        words = kit.codebook._mapped.held()  # type: ignore[attr-defined]
        head = np.argsort(-query.probabilities, kind="stable")[:T].tolist()
        assert set(head) <= words.keys()
        mapped.append(sum(each.nbytes for each in words.values()))
    assert max(mapped) <= limit < codebook(0).words.nbytes
    assert server.downloads == []


def test_words_that_another_process_removes_while_they_are_mapped_come_again(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, query = fetch(server, tmp_path), extraction([2, 3, 6, 7, 10])
    expected = fetch(server, tmp_path / "other").encode(query).data
    map_words, removed = in_parts.map_words, []

    def swept(path: Path, shape: tuple[int, ...]) -> Stored:
        if not removed:
            removed.append(path)
            path.unlink()
        return map_words(path, shape)

    monkeypatch.setattr(in_parts, "map_words", swept)
    assert kit.encode(query).data == expected
    assert removed


def test_words_that_are_mapped_again_count_as_used(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_parts, "MAX_MAPPED_BYTES", 0)
    kit = fetch(server, tmp_path)
    kit.encode(extraction([2, 3, 6, 7, 10]))
    kit.encode(extraction([11, 14, 15, 18, 19]))  # nothing of the first is mapped any more
    [sha256] = words_of(server, [3])
    [file] = tmp_path.glob(f"{sha256}.*")
    os.utime(file, (1, 1))
    kit.codebook.stored(3)
    assert file.stat().st_mtime > 1


def refuse(*_arguments: object, **_options: object) -> NoReturn:
    raise PermissionError(errno.EROFS, "Read-only file system")


def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for function in ("utime", "open", "unlink", "mkdir", "rename"):
        monkeypatch.setattr(os, function, refuse)


def test_a_complete_cache_is_only_read(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = extraction([1, 2, 3, 4, 5])
    packet = fetch(server, tmp_path).encode(query).data
    server.downloads.clear()
    read_only(monkeypatch)
    assert fetch(server, tmp_path).encode(query).data == packet
    assert server.downloads == []


def test_a_cache_that_lacks_something_and_cannot_be_written_is_named(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(server, tmp_path).encode(extraction([1, 2, 3, 4, 5]))
    read_only(monkeypatch)
    kit = fetch(server, tmp_path)
    line = r"^the cache \S+ lacks the sub-codebook and cannot be written: Read-only file system$"
    with pytest.raises(DscError, match=line):
        kit.encode(extraction([1, 2, 3, 4, 6]))


def test_a_full_disk_leaves_nothing_half_written_and_the_next_run_goes_on(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = fetch(server, tmp_path)
    with monkeypatch.context() as patched:

        def full(*_arguments: object) -> NoReturn:
            raise OSError(errno.ENOSPC, "No space left on device")

        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left on device"):
            kit.encode(extraction([1, 2, 3, 4, 5]))
    assert {path.suffix for path in tmp_path.iterdir()} == {".codewords", ".model"}
    query = extraction([1, 2, 3, 4, 5])
    assert kit.encode(query).data == EncoderKit(kit.manifest, codebook(0), None).encode(query).data
