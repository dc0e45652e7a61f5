"""Bad input gets one clear line and exit code 1 (or a status with that line), and nothing is half-written."""

import json
import shutil
import socket
import struct
import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image

from dsc.v1 import (
    channel_pb2,
    codebook_pb2,
    codebook_pb2_grpc,
    retrieval_pb2,
    retrieval_pb2_grpc,
    transmission_pb2,
    transmission_pb2_grpc,
)
from dsc_common.packet.packing import Packet, pack
from dsc_common.wire.packet import format_to_proto
from dsc_server.index.files import LoadedIndex, read_index
from dsc_server.index.manifest import CATALOGUE, CODEBOOK, LISTS, MODEL
from helpers import real_processes
from helpers.in_process import run
from helpers.real_processes import Running, System, only_line, packet_of, start_server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good photo."""
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(
        photos / "good.png"
    )
    return photos


def refused_build(system: System, photos: Path, index: Path, *options: str) -> str:
    """The one error line of a build that must fail and leave nothing; progress lines stand before it."""
    done = run("dsc_server", "build", photos, "--index", index, "--model", system.model, *options)
    assert done.returncode == 1
    assert done.stdout == ""
    assert not index.exists()
    assert [path.name for path in index.parent.iterdir() if "partial" in path.name] == []
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert "Traceback" not in done.stderr
    return lines[0]


def test_a_folder_without_photos(system: System, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("no photo")
    assert f"no photo in {empty}" in refused_build(system, empty, tmp_path / "index")
    assert "no such file or folder" in refused_build(system, tmp_path / "absent", tmp_path / "index")


def test_the_folder_of_features_comes_from_the_environment(
    system: System, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSC_SERVER_FEATURE_STORE", str(tmp_path / "kept"))
    arguments = ("build", folder, "--index", tmp_path / "index", "--model", system.model, "--overwrite")
    for option, line in (([], "0 kept, 1 extracted"), ([], "1 kept, 0"), (["--no-keep"], "0 kept, 1")):
        assert f"features: {line}" in run("dsc_server", *arguments, *option).stderr
    assert (tmp_path / "kept" / "features.sqlite").exists()


def test_a_truncated_photo(system: System, folder: Path, tmp_path: Path) -> None:
    whole = (folder / "good.png").read_bytes()
    (folder / "short.png").write_bytes(whole[: len(whole) // 2])
    line = refused_build(system, folder, tmp_path / "index", "--strict")
    assert "short.png" in line
    assert "--strict" in line
    for number, option in enumerate(([], ["--skip-unreadable"])):  # the former name of the default
        place = ("--index", tmp_path / f"index{number}", "--model", system.model)
        done = run("dsc_server", "build", folder, *place, "--json", *option)
        assert done.returncode == 0
        assert "left out: " in done.stderr
        assert len(read_index(tmp_path / f"index{number}").catalogue) == 1
        totals = json.loads(done.stdout)
        assert totals["left_out"] == {"photos that cannot be read": 1}
        assert totals["features_kept"] + totals["features_extracted"] == 1
    both = run("dsc_server", "build", folder, *place, "--strict", "--skip-unreadable")
    assert both.returncode == 2


def black_png(side: int) -> bytes:
    """A whole PNG of side × side pixels of one bit, all 0, made row by row: Pillow would hold every pixel."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    packer, row = zlib.compressobj(), bytes(1 + -(-side // 8))
    pixels = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_decompression_bomb(system: System, folder: Path, tmp_path: Path, ask: Any) -> None:
    bomb = folder / "bomb.png"
    bomb.write_bytes(black_png(40_000))  # 200 KB that would become 4.8 GB of RGB
    assert bomb.stat().st_size < 1 << 20
    assert "too large to decode safely" in refused_build(system, folder, tmp_path / "index", "--strict")
    asked = ask(bomb)
    assert asked.returncode == 1
    assert "too large to decode safely" in only_line(asked.stderr)


def test_a_photo_that_is_none_does_not_stop_the_others(
    system: System, tmp_path: Path, ask_by_process: Any
) -> None:
    (tmp_path / "text.jpg").write_text("no photo")
    asked = ask_by_process(tmp_path / "text.jpg", system.queries[0], "--json")
    assert asked.returncode == 1
    not_a_photo, total = asked.stderr.splitlines()
    assert "not a photo" in not_a_photo
    assert total == "error: 1 of 2 photos have no answer"
    assert only_line(asked.stdout)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--bits", "9"), "got '9'"),
        (("--head-labels", "0"), "got '0'"),
        (("-M", "99999"), "got '99999'"),
        (("--scheme", "dsk"), "unknown scheme 'dsk'; expected one of dsc, "),
    ],
)
def test_impossible_options_of_a_build_are_refused_at_once(
    option: tuple[str, ...], said: str, tmp_path: Path, folder: Path
) -> None:
    done = run("dsc_server", "build", folder, "--index", tmp_path / "index", *option)
    assert done.returncode == 2
    assert said in only_line(done.stderr)


def test_an_unknown_backbone(tmp_path: Path, folder: Path) -> None:
    done = run("dsc_server", "build", folder, "--index", tmp_path / "index", "--backbone", "vgg99")
    assert done.returncode == 1
    assert "unknown backbone 'vgg99'; expected one of efficientnet-lite0, " in done.stderr
    assert not (tmp_path / "index").exists()


def test_an_index_is_replaced_only_when_told_and_nothing_else_ever(
    system: System, folder: Path, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    arguments = ("build", folder, "--index", index, "--model", system.model)
    assert run("dsc_server", *arguments).returncode == 0
    before = (index / "manifest.json").read_bytes()
    again = run("dsc_server", *arguments)
    assert again.returncode == 1
    assert "--overwrite" in only_line(again.stderr)
    assert (index / "manifest.json").read_bytes() == before
    assert run("dsc_server", *arguments, "--overwrite").returncode == 0
    assert (index / "manifest.json").read_bytes() == before  # the same photos give the same index
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("precious")
    refused = run("dsc_server", "build", folder, "--index", foreign, "--model", system.model, "--overwrite")
    assert refused.returncode == 1
    assert "left alone" in only_line(refused.stderr)
    assert (foreign / "thesis.tex").read_text() == "precious"


@pytest.mark.parametrize("name", [CODEBOOK, LISTS, MODEL, CATALOGUE])
def test_a_damaged_index_is_not_served(system: System, tmp_path: Path, name: str) -> None:
    index = tmp_path / "index"
    shutil.copytree(system.index, index)
    data = bytearray((index / name).read_bytes())
    data[len(data) // 2] ^= 4
    (index / name).write_bytes(data)
    runners = (run, real_processes.run) if name == LISTS else (run,)
    commands = (("info", "--index", index), ("serve", "--index", index, "--listen", "127.0.0.1:0"))
    for command, runner in product(commands, runners):
        done = runner("dsc_server", *command)
        assert done.returncode == 1
        assert f"{name} is damaged" in only_line(done.stderr)


def test_a_foreign_folder_is_no_index(tmp_path: Path) -> None:
    done = run("dsc_server", "serve", "--index", tmp_path, "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert "not an index directory" in only_line(done.stderr)


def test_a_port_in_use(system: System, running: Running) -> None:
    for module, options in (
        ("dsc_server", ("--index", system.index)),
        ("dsc_channel", ("--server", running.server.address)),
    ):
        done = run(module, "serve", "--listen", running.server.address, *options)
        assert done.returncode == 1
        (line,) = [line for line in done.stderr.splitlines() if not line.startswith("index ")]
        assert line == f"error: cannot listen on {running.server.address}: address already in use"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def test_services_that_are_down_are_named(system: System, running: Running, cache: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    patience = ("--wait-s", "1", "--cache", cache)
    for role, places in (
        ("server", ("--server", nobody, "--channel", running.channel.address)),
        ("channel", ("--server", running.server.address, "--channel", nobody)),
    ):
        done = run("dsc_device", "query", system.queries[0], *places, *patience)
        assert done.returncode == 1
        assert only_line(done.stderr) == (
            f"error: {role} at {nobody} did not answer within 1 s: connection refused"
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--snr-db", "nan"), "expected an SNR"),
        (("--snr-db", "-1000"), "expected an SNR"),
        (("--seed", "-1"), "expected a seed"),
        (("--top", "0"), "expected top from 1"),
        (("--confidence-threshold", "nan"), "expected a confidence threshold from 0 to 1, got nan"),
        (("--erasure-burst", "0.5"), "expected an erasure burst"),
        (("--server", "nowhere"), "--server: expected an address HOST:PORT, got 'nowhere'"),
        (("--wait-s", "inf"), "--wait-s: expected a number above 0 and up to 604,800, got inf"),
        (("--wait-s", "soon"), "got 'soon'"),
        (("--policy=perhaps",), "'perhaps'"),
        (("-", "--photos-from", "-"), "expected a photo or a list on standard input, got - for both"),
        (("--request-id", "\udcff"), r"expected a request id of valid Unicode text, got '\udcff'"),
        (("--request-id", "x" * 1025), "expected a request id of up to 1024 characters, got 1025"),
        (("--receiver", "\udcff"), r"expected the name of a receiver of valid Unicode text, got '\udcff'"),
        (("--server", "\udcff:1"), r"--server: expected an address HOST:PORT, got '\udcff:1'"),
        (("--channel", "a\x1b[31m:1"), r"--channel: expected an address HOST:PORT, got 'a\x1b[31m:1'"),
    ],
)
def test_impossible_options(system: System, cache: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run("dsc_device", "query", system.queries[0], "--cache", cache, *arguments)
    assert done.returncode == 2
    assert said in only_line(done.stderr)


@pytest.fixture(scope="module")
def loaded(system: System) -> LoadedIndex:
    return read_index(system.index)


@pytest.fixture
def channel(running: Running) -> Iterator[transmission_pb2_grpc.TransmissionServiceStub]:
    with grpc.insecure_channel(running.channel.address) as connection:
        yield transmission_pb2_grpc.TransmissionServiceStub(connection)


@pytest.fixture
def retrieval(running: Running) -> Iterator[retrieval_pb2_grpc.RetrievalServiceStub]:
    with grpc.insecure_channel(running.server.address) as connection:
        yield retrieval_pb2_grpc.RetrievalServiceStub(connection)


def refusal(call: Any, request: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=30)
    return caught.value.code(), caught.value.details()


def test_packets_that_no_device_would_send(loaded: LoadedIndex, channel: Any) -> None:
    short = packet_of(loaded, [1, 2, 3, 4, 5])
    size = loaded.index.format.packet_bytes
    short.data = short.data[:-1]
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    send = channel.Transmit
    request = transmission_pb2.TransmitRequest
    assert refusal(send, request(packet=short)) == (
        invalid,
        f"expected a packet of {size} bytes, got {size - 1}",
    )
    assert refusal(send, request(packet=packet_of(loaded, [1, 2, 3, 2, 5]))) == (
        invalid,
        "expected 5 different labels, got [1, 2, 3, 2, 5]",
    )
    code, line = refusal(send, request())
    assert code is invalid
    assert line == "expected a head codec among zero, crc6, set, got number 0"


def test_a_label_beyond_k(loaded: LoadedIndex, channel: Any) -> None:
    packet = packet_of(loaded, [1, 2, 3, 4, 30])
    packet.format.num_partitions = 29  # five bits still, but label 30 does not exist
    assert refusal(channel.Transmit, transmission_pb2.TransmitRequest(packet=packet)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "expected labels from 0 to 28, got 30",
    )


def test_a_codebook_version_that_the_server_does_not_have(
    loaded: LoadedIndex, channel: Any, running: Running
) -> None:
    held = loaded.manifest.codebook_version
    said = f"codebook version 0123456789abcdef is not held here; this server holds {held}"
    stale = packet_of(loaded, [1, 2, 3, 4, 5], "0123456789abcdef")
    refused = grpc.StatusCode.FAILED_PRECONDITION
    assert refusal(channel.Transmit, transmission_pb2.TransmitRequest(packet=stale)) == (refused, said)
    with grpc.insecure_channel(running.server.address) as connection:
        stub = codebook_pb2_grpc.CodebookServiceStub(connection)
        request = codebook_pb2.DownloadRequest(codebook_version="0123456789abcdef", kind=1)
        assert refusal(lambda *args, **kwargs: list(stub.Download(*args, **kwargs)), request) == (
            refused,
            said,
        )


def test_too_many_signals_are_refused_before_any_is_looked_at(loaded: LoadedIndex, retrieval: Any) -> None:
    request = retrieval_pb2.RetrieveRequest(
        signals=[channel_pb2.ReceivedSignal()] * 1000,  # each of them wrong
        format=format_to_proto(loaded.index.format),
        codebook_version=loaded.manifest.codebook_version,
    )
    code, said = refusal(retrieval.Retrieve, request)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert said == "expected 1 to 65 received signals, got 1000"


def test_signals_that_no_radio_delivers(loaded: LoadedIndex, retrieval: Any) -> None:
    uses = 8 * loaded.index.format.packet_bytes

    def request(samples: list[float], variance: float, stated: int | None = None) -> Any:
        return retrieval_pb2.RetrieveRequest(
            signals=[
                channel_pb2.ReceivedSignal(
                    mode=channel_pb2.MODE_BPSK,
                    samples=samples,
                    noise_variance=variance,
                    channel_uses=len(samples) if stated is None else stated,
                )
            ],
            format=format_to_proto(loaded.index.format),
            codebook_version=loaded.manifest.codebook_version,
        )

    no_signals = request([1.0] * uses, 1.0)
    del no_signals.signals[:]
    other_mode, foreign_mode, fading = (request([1.0] * uses, 1.0) for _ in range(3))
    other_mode.signals[0].mode = channel_pb2.MODE_PAM256
    foreign_mode.signals[0].mode = 99
    fading.signals[0].gains.extend([1.0, 2.0])
    bad = {
        "expected 1 to 65 received signals, got 0": no_signals,
        f"expected {uses // 8} samples for a packet of {uses // 8} bytes with pam256, got {uses}": other_mode,
        "expected a mode among bpsk, qpsk, ": foreign_mode,
        "expected 1 gains, got 2": fading,
        "expected a noise variance above 0, got -1.0": request([1.0] * uses, -1.0),
        "expected finite samples, got NaN or infinity": request([float("nan")] * uses, 1.0),
        "expected a noise variance above 0, got 0.0": request([1.0] * uses, 0.0),
        f"expected {uses} samples, got {uses - 1}": request([1.0] * (uses - 1), 1.0, uses),
        f"got {uses - 8}": request([1.0] * (uses - 8), 1.0),
    }
    for line, message in bad.items():
        code, said = refusal(retrieval.Retrieve, message)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert line in said
    good = retrieval.Retrieve(request([1.0] * uses, 1.0), timeout=30)  # the server goes on
    assert len(good.results.head) == loaded.index.format.head_labels


def test_all_labels_empty_is_an_answer(loaded: LoadedIndex, channel: Any) -> None:
    empty = [label for label, size in enumerate(loaded.index.list_sizes.tolist()) if size == 0][:5]
    assert len(empty) == 5
    request = transmission_pb2.TransmitRequest(packet=packet_of(loaded, empty))
    fmt = loaded.index.format
    codes = np.zeros((fmt.num_codes, fmt.num_subvectors), dtype=np.uint8)
    request.packet.data = pack(Packet(np.array(empty), codes), fmt)  # with the check bits of these labels
    request.channel.snr_db = float("inf")
    answer = channel.Transmit(request, timeout=30)
    assert list(answer.results.images) == []
    assert any("no image in the partitions" in notice for notice in answer.results.notices)


def test_a_broken_download_in_the_cache_is_replaced(system: System, running: Running, tmp_path: Path) -> None:
    arguments = (
        *("query", system.queries[0], "--server", running.server.address),
        *("--channel", running.channel.address, "--cache", tmp_path, "--snr-db", "inf", "--json"),
    )
    first = run("dsc_device", *arguments)
    assert first.returncode == 0
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:-1] + b"!")
    second = run("dsc_device", *arguments)
    assert second.returncode == 0
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_server_waits_for_its_index(system: System, tmp_path: Path) -> None:
    late = run("dsc_server", "serve", "--index", tmp_path / "index", "--wait-for-index-s", "0.2")
    assert late.returncode == 1
    assert "no index appeared" in late.stderr.splitlines()[-1]
    with start_server(system.index, "--wait-for-index-s", "60") as server:
        assert server.address
