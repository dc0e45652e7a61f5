"""Downloads: whole or not at all, once per content, checked against the manifest."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import grpc
import numpy as np
import pytest

from dsc.v1 import codebook_pb2
from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.file import codebook_to_bytes
from dsc_common.codebook.manifest import Artifact, ArtifactKind, HeadRule, Manifest
from dsc_common.codebook.transform import Transform
from dsc_common.errors import (
    DamagedIndexError,
    DscError,
    InvalidInputError,
    UnknownCodebookError,
    UnreachableError,
)
from dsc_common.files.lock import try_lock
from dsc_common.files.whole_file import named_errors
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.serving import client as client_module
from dsc_common.serving.address import Peer
from dsc_device.client import CodebookClient
from dsc_device.codebooks import file_download
from dsc_device.codebooks.download import fetch_encoder_kit
from dsc_device.codebooks.partial_file import PartialFile, open_partial
from dsc_device.encoder_kit import EncoderKit
from helpers.examples import random_codebook
from helpers.fake_codebooks import FakeServer

SERVER = Peer("server", "example:50051")


@pytest.fixture
def server(tiny_model: Path) -> FakeServer:
    codebook = random_codebook(np.random.default_rng(0), [3, 0] * 16, 4, 4)
    artifacts = {
        ArtifactKind.CODEBOOK: codebook_to_bytes(codebook),
        ArtifactKind.MODEL: tiny_model.read_bytes(),
    }
    offered = {
        kind: Artifact(len(data), hashlib.sha256(data).hexdigest()) for kind, data in artifacts.items()
    }
    fmt = PacketFormat(num_partitions=32, num_subvectors=4)
    return FakeServer(artifacts, Manifest("a version", "dsc-pq", fmt, 16, 48, offered))


def fetch(server: FakeServer, cache: Path) -> EncoderKit:
    client = CodebookClient(server, SERVER, timeout_s=1)  # type: ignore[arg-type]
    return fetch_encoder_kit(client, cache)


def files(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


def test_what_is_downloaded_is_what_the_server_has(server: FakeServer, tmp_path: Path) -> None:
    kit = fetch(server, tmp_path / "new" / "cache")
    assert kit.manifest == server.manifest
    assert codebook_to_bytes(kit.codebook) == server.artifacts[ArtifactKind.CODEBOOK]
    assert kit.extractor.info.backbone == "tiny"
    assert sorted(server.downloads) == sorted(ArtifactKind)
    cached = {path.read_bytes() for path in (tmp_path / "new" / "cache").iterdir()}
    assert cached == set(server.artifacts.values())


def test_it_is_downloaded_once(server: FakeServer, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    fetch(server, tmp_path)
    assert len(server.downloads) == 2


def test_a_new_codebook_is_downloaded_without_the_old_model(server: FakeServer, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    data = codebook_to_bytes(random_codebook(np.random.default_rng(1), [1] * 32, 4, 4))
    offered = {
        **server.manifest.artifacts,
        ArtifactKind.CODEBOOK: Artifact(len(data), hashlib.sha256(data).hexdigest()),
    }
    newer = FakeServer(
        {**server.artifacts, ArtifactKind.CODEBOOK: data},
        replace(server.manifest, codebook_version="another", artifacts=offered),
    )
    assert codebook_to_bytes(fetch(newer, tmp_path).codebook) == data
    assert newer.downloads == [ArtifactKind.CODEBOOK]


@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_a_damaged_cache_is_downloaded_again(
    damage: bytes | None, server: FakeServer, tmp_path: Path
) -> None:
    fetch(server, tmp_path)
    for path in tmp_path.iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content) if damage is None else damage)
    fetch(server, tmp_path)
    assert len(server.downloads) == 4
    assert {path.read_bytes() for path in tmp_path.iterdir()} == set(server.artifacts.values())


def flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("kind", ArtifactKind)
@pytest.mark.parametrize(
    "change", [flip, lambda data: data[:-1], lambda data: data + b"x", lambda _data: b""]
)
def test_what_arrives_otherwise_than_promised_is_refused(
    change: Callable[[bytes], bytes], kind: ArtifactKind, server: FakeServer, tmp_path: Path
) -> None:
    server.artifacts[kind] = change(server.artifacts[kind])
    with pytest.raises(
        DamagedIndexError, match=rf"^the {kind} arrived damaged: expected \d+ bytes of SHA-256 \w+$"
    ):
        fetch(server, tmp_path)
    assert [name for name in files(tmp_path) if "partial" in name or name.endswith(kind)] == []


def test_a_server_that_never_ends_is_not_listened_to_forever(server: FakeServer, tmp_path: Path) -> None:
    def endless(_request: object) -> Iterator[codebook_pb2.DownloadResponse]:
        for _ in range(1000):
            yield codebook_pb2.DownloadResponse(data=bytes(1 << 16))
        pytest.fail("64 MB of a codebook of a few kB")

    server._pieces = endless  # type: ignore[method-assign]
    with pytest.raises(DamagedIndexError, match=r"arrived damaged"):
        fetch(server, tmp_path)
    assert files(tmp_path) == []


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that would have been waited between attempts; the clock goes on by them."""
    paused: list[float] = []
    monkeypatch.setattr(file_download.time, "sleep", paused.append)
    monkeypatch.setattr(file_download.time, "monotonic", lambda: sum(paused))
    return paused


@pytest.mark.parametrize(
    "code",
    [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.RESOURCE_EXHAUSTED],
)
def test_a_download_goes_on_where_it_broke_off(
    code: grpc.StatusCode, server: FakeServer, tmp_path: Path, no_pauses: list[float]
) -> None:
    server.fails_after, server.fails = 2, code
    kit = fetch(server, tmp_path)
    assert codebook_to_bytes(kit.codebook) == server.artifacts[ArtifactKind.CODEBOOK]
    model = [
        offset
        for kind, offset in zip(server.downloads, server.offsets, strict=True)
        if kind is ArtifactKind.MODEL
    ]
    assert model == list(range(0, len(server.artifacts[ArtifactKind.MODEL]), 2000))
    assert len(model) > 2
    assert max(no_pauses) <= 0.1  # progress resets the backoff
    assert len(files(tmp_path)) == 2


def test_a_server_that_stays_away_is_named_after_the_time_limit(
    server: FakeServer, tmp_path: Path, no_pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fails_after = 0
    monkeypatch.setattr(client_module, "cause_of", lambda _peer: "connection refused")
    line = r"^server at example:50051 did not answer within 1 s: connection refused$"
    with pytest.raises(UnreachableError, match=line):
        fetch(server, tmp_path)
    assert 1.0 <= sum(no_pauses) < 4.0
    assert files(tmp_path) == []


def test_a_later_process_goes_on_where_an_earlier_one_ended(
    server: FakeServer, tmp_path: Path, no_pauses: list[float]
) -> None:
    path = partial_of(server, ArtifactKind.MODEL, tmp_path)
    path.write_bytes(server.artifacts[ArtifactKind.MODEL][:3210])
    fetch(server, tmp_path)
    assert server.offsets[server.downloads.index(ArtifactKind.MODEL)] == 3210
    assert {path.read_bytes() for path in tmp_path.iterdir()} == set(server.artifacts.values())


@pytest.mark.parametrize("held", [b"\0" * 3210, b"\0" * 100_000, None])
def test_a_damaged_partial_file_is_begun_anew(held: bytes | None, server: FakeServer, tmp_path: Path) -> None:
    data = server.artifacts[ArtifactKind.MODEL]
    partial_of(server, ArtifactKind.MODEL, tmp_path).write_bytes(bytes(len(data)) if held is None else held)
    fetch(server, tmp_path)
    assert {path.read_bytes() for path in tmp_path.iterdir()} == set(server.artifacts.values())


def partial_of(server: FakeServer, kind: ArtifactKind, cache: Path) -> Path:
    return cache / f".{server.manifest.artifacts[kind].sha256}.{kind}.{os.getuid()}.partial"


def test_of_two_processes_one_downloads(server: FakeServer, tmp_path: Path) -> None:
    partial = partial_of(server, ArtifactKind.MODEL, tmp_path)
    with partial.open("ab") as other:
        assert try_lock(other.fileno())
        other.write(server.artifacts[ArtifactKind.MODEL])
        other.flush()

        def finish_there(_pause_s: float) -> None:
            partial.rename(tmp_path / f"{server.manifest.artifacts[ArtifactKind.MODEL].sha256}.model")

        target = tmp_path / f"{server.manifest.artifacts[ArtifactKind.MODEL].sha256}.model"
        artifact = server.manifest.artifacts[ArtifactKind.MODEL]
        with open_partial(target, artifact, 60, finish_there) as opened:
            assert opened is None
    assert files(tmp_path) == [target.name]


def test_a_process_that_holds_a_download_without_progress_is_not_waited_for_forever(
    server: FakeServer, tmp_path: Path
) -> None:
    artifact = server.manifest.artifacts[ArtifactKind.MODEL]
    with partial_of(server, ArtifactKind.MODEL, tmp_path).open("ab") as other:
        assert try_lock(other.fileno())
        line = r"^another process downloads \.\w+\.model\.\d+\.partial, without progress for 2 s$"
        target = tmp_path / f"{artifact.sha256}.model"
        with (
            pytest.raises(DscError, match=line),
            open_partial(target, artifact, 2, lambda _s: None),
        ):
            pass


def test_a_new_index_during_the_download_is_fetched_instead(server: FakeServer, tmp_path: Path) -> None:
    newer = replace(server.manifest, codebook_version="another")
    manifests = iter([server.manifest, newer])
    held = server.manifest.codebook_version

    class Changing(CodebookClient):
        def manifest(self) -> Manifest:
            return next(manifests)

        def download(
            self, codebook_version: str, sha256: str, offset: int = 0, kind: ArtifactKind | None = None
        ) -> Iterator[bytes]:
            if codebook_version == held:
                raise UnknownCodebookError("codebook version is not held here")
            assert kind is not None
            return iter([server.artifacts[kind][offset:]])

    kit = fetch_encoder_kit(Changing(server, SERVER, 1), tmp_path)  # type: ignore[arg-type]
    assert kit.manifest.codebook_version == "another"


def test_a_full_disk_is_named_and_left_empty(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = partial_of(server, ArtifactKind.CODEBOOK, tmp_path)

    def full(_self: object) -> NoReturn:
        with named_errors(path):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PartialFile, "finish", full)
    with pytest.raises(OSError, match="No space left on device") as raised:
        fetch(server, tmp_path)
    assert raised.value.filename == str(path)
    assert files(tmp_path) == []


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_cached_files_follow_the_umask(umask: int, mode: int, server: FakeServer, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        fetch(server, tmp_path / "cache")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "cache").iterdir()} == {mode}


def test_a_complete_cache_is_only_read(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(server, tmp_path)

    def refuse(*_arguments: object, **_options: object) -> NoReturn:
        raise PermissionError(errno.EROFS, "Read-only file system")

    for function in ("utime", "open", "unlink", "mkdir", "rename"):
        monkeypatch.setattr(os, function, refuse)
    fetch(server, tmp_path)
    assert len(server.downloads) == 2


def test_an_offer_without_a_codebook_is_refused(server: FakeServer, tmp_path: Path) -> None:
    left = {ArtifactKind.MODEL: server.manifest.artifacts[ArtifactKind.MODEL]}
    server.manifest = replace(server.manifest, artifacts=left)
    with pytest.raises(DamagedIndexError, match=r"^the server offers no codebook of at most 8 GiB$"):
        fetch(server, tmp_path)


def test_an_offer_without_a_model_gives_a_kit_for_features(server: FakeServer, tmp_path: Path) -> None:
    left = {ArtifactKind.CODEBOOK: server.manifest.artifacts[ArtifactKind.CODEBOOK]}
    server.manifest = replace(server.manifest, artifacts=left)
    kit = fetch(server, tmp_path)
    assert kit.extractor is None
    with pytest.raises(InvalidInputError, match="expected a feature and probabilities, got a photo"):
        kit.encode(tmp_path / "photo.jpg")


def test_an_artifact_too_large_is_refused_before_it_comes(server: FakeServer, tmp_path: Path) -> None:
    large = replace(server.manifest.artifacts[ArtifactKind.CODEBOOK], size_bytes=(8 << 30) + 1)
    server.manifest.artifacts[ArtifactKind.CODEBOOK] = large
    with pytest.raises(DamagedIndexError, match=r"^the server offers no codebook of at most 8 GiB$"):
        fetch(server, tmp_path)
    assert server.downloads == []


def test_a_hash_that_is_a_path_writes_nothing_anywhere(server: FakeServer, tmp_path: Path) -> None:
    evil = server.manifest.artifacts[ArtifactKind.CODEBOOK]
    object.__setattr__(evil, "sha256", "../../outside/evil")
    with pytest.raises(InvalidInputError, match=r"^expected 64 hexadecimal digits of a SHA-256, got "):
        fetch(server, tmp_path / "a" / "cache")
    assert files(tmp_path) == []


WRONG_SHAPES = {
    "K": ({"format": PacketFormat(33, 5, 4)}, "expected 33 codewords, got 32"),
    "M": ({"format": PacketFormat(32, 5, 8)}, "expected 8 sub-vectors, got 4"),
    "F": ({"feature_dim": 32}, "expected 32 feature dimensions of the model, got 16"),
    "cells": (
        {"format": PacketFormat(33, 5, payload=Payload.CODE), "head_rule": HeadRule.NEAREST},
        "expected 33 codewords, got 32",
    ),
    "M of one code": (
        {"format": PacketFormat(32, 5, 8, payload=Payload.CODE)},
        "expected 8 sub-vectors, got 4",
    ),
    "labels of the model": (
        {"format": PacketFormat(31, 5, 4, payload=Payload.CODE)},
        "expected 31 labels of the model, got 32",
    ),
}


@pytest.mark.parametrize(("changed", "line"), WRONG_SHAPES.values(), ids=WRONG_SHAPES.keys())
def test_parts_that_do_not_fit_the_manifest_are_refused(
    changed: dict[str, Any], line: str, server: FakeServer, tmp_path: Path
) -> None:
    server.manifest = replace(server.manifest, **changed)
    with pytest.raises(DamagedIndexError, match=rf"^what the server sent does not fit: {line}$"):
        fetch(server, tmp_path)


def offer(server: FakeServer, codebook: Codebook, fmt: PacketFormat, head_rule: HeadRule) -> None:
    """Replace the codebook that the server holds."""
    data = codebook_to_bytes(codebook)
    server.artifacts[ArtifactKind.CODEBOOK] = data
    server.manifest.artifacts[ArtifactKind.CODEBOOK] = Artifact(len(data), hashlib.sha256(data).hexdigest())
    server.manifest = replace(server.manifest, format=fmt, head_rule=head_rule)


def test_a_codebook_for_another_model_is_refused(server: FakeServer, tmp_path: Path) -> None:
    codebook = random_codebook(np.random.default_rng(0), [1] * 31, 4, 4)
    offer(server, codebook, PacketFormat(num_partitions=31, num_subvectors=4), HeadRule.LABELS)
    line = "expected 31 labels of the model, got 32"
    with pytest.raises(DamagedIndexError, match=rf"^what the server sent does not fit: {line}$"):
        fetch(server, tmp_path)


@pytest.mark.parametrize(("width", "num_subvectors"), [(3, 4), (5, 4), (8, 4), (5, 3)])
def test_a_codebook_for_another_feature_is_refused(
    width: int, num_subvectors: int, server: FakeServer, tmp_path: Path
) -> None:
    codebook = random_codebook(np.random.default_rng(0), [1] * 32, num_subvectors, width)
    offer(server, codebook, PacketFormat(32, 5, num_subvectors), HeadRule.LABELS)
    with pytest.raises(DamagedIndexError, match=r"feature dimensions of the codebook, got \d+$"):
        fetch(server, tmp_path)


@pytest.mark.parametrize("feature_dim", [15, 17])
def test_a_projection_of_another_feature_is_refused(
    feature_dim: int, server: FakeServer, tmp_path: Path
) -> None:
    projection = np.zeros((feature_dim, 8), dtype=np.float32)
    transform = Transform(np.zeros(feature_dim, dtype=np.float32), projection)
    codebook = replace(random_codebook(np.random.default_rng(0), [9], 4, 2), transform=transform)
    offer(server, codebook, PacketFormat(32, 5, 4, payload=Payload.CODE), HeadRule.LABELS)
    line = f"expected 16 feature dimensions of the codebook, got {feature_dim}"
    with pytest.raises(DamagedIndexError, match=rf"^what the server sent does not fit: {line}$"):
        fetch(server, tmp_path)


FITTING = {
    "F padded to a multiple of M": (random_codebook(np.random.default_rng(0), [1] * 32, 3, 6), 32, "codes"),
    "one code for all labels": (random_codebook(np.random.default_rng(0), [9], 4, 4), 32, "code"),
    "a feature, and no codewords": (random_codebook(np.random.default_rng(0), [0], 1, 16), 32, "feature"),
    "no head": (random_codebook(np.random.default_rng(0), [9], 4, 4), 1, "codes"),
}


@pytest.mark.parametrize(("codebook", "num_labels", "payload"), FITTING.values(), ids=FITTING.keys())
def test_codebooks_of_other_schemes_are_taken(
    codebook: Codebook, num_labels: int, payload: str, server: FakeServer, tmp_path: Path
) -> None:
    fmt = PacketFormat(
        num_labels,
        min(5, num_labels),
        codebook.num_subvectors,
        payload=Payload(payload),
        payload_dim=16 if payload == "feature" else 0,
    )
    offer(server, codebook, fmt, HeadRule.LABELS)
    assert codebook_to_bytes(fetch(server, tmp_path).codebook) == codebook_to_bytes(codebook)


def test_as_many_cells_as_you_like_whatever_the_model_has_labels(server: FakeServer, tmp_path: Path) -> None:
    codebook = random_codebook(np.random.default_rng(0), [1, 2] * 30, 4, 4)
    offer(server, codebook, PacketFormat(60, 5, 4), HeadRule.NEAREST)
    assert fetch(server, tmp_path).codebook.num_partitions == 60
