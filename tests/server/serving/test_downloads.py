"""Downloads of a real index: every file of the manifest, by hash and from any byte; old requests by kind."""

import asyncio
import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from dsc.v1 import codebook_pb2
from dsc_common.codebook.manifest import Artifact, ArtifactKind, CodebookParts, Manifest
from dsc_common.errors import InvalidInputError, UnknownCodebookError
from dsc_common.wire.codebook import artifact_kind_to_proto, manifest_from_proto
from dsc_server.building.from_features import build_from_features
from dsc_server.building.options import BuildOptions
from dsc_server.index.files import LoadedIndex, read_index
from dsc_server.serving import downloads
from dsc_server.serving.downloads import Downloads
from dsc_server.serving.services import PIECE_BYTES, CodebookService
from helpers.small_index import write_small_index


def index_of(folder: Path, scheme: str) -> LoadedIndex:
    features = write_small_index(folder)
    build_from_features(features, folder / scheme, BuildOptions(scheme=scheme), say=lambda _line: None)
    return read_index(folder / scheme)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedIndex:
    return index_of(tmp_path_factory.mktemp("downloads"), "dsc-pq")


def manifest_of(service: CodebookService) -> Manifest:
    reply = asyncio.run(service.GetManifest(codebook_pb2.GetManifestRequest(), None))  # type: ignore[arg-type]
    return manifest_from_proto(reply.manifest)


def download(service: CodebookService, loaded: LoadedIndex, **fields: Any) -> bytes:
    async def collect() -> bytes:
        data, at = b"", fields.get("offset", 0)
        version = {"codebook_version": loaded.manifest.codebook_version}
        request = codebook_pb2.DownloadRequest(**{**version, **fields})
        async for reply in service.Download(request, SimpleNamespace()):  # type: ignore[arg-type]
            assert reply.offset == at
            assert len(reply.data) <= PIECE_BYTES
            data, at = data + reply.data, at + len(reply.data)
        return data

    return asyncio.run(collect())


def files_of(manifest: Manifest) -> list[Artifact]:
    assert manifest.parts is not None
    return [*manifest.artifacts.values(), manifest.parts.codewords, *manifest.parts.subcodebooks]


def test_every_file_of_the_manifest_comes_by_its_hash_from_any_byte(loaded: LoadedIndex) -> None:
    service = CodebookService(loaded)
    rng = np.random.default_rng(0)
    for file in files_of(manifest_of(service)):
        whole = download(service, loaded, sha256=file.sha256)
        assert (len(whole), hashlib.sha256(whole).hexdigest()) == (file.size_bytes, file.sha256)
        for offset in (1, len(whole) - 1, len(whole), *rng.integers(0, len(whole), 3).tolist()):
            assert download(service, loaded, sha256=file.sha256, offset=offset) == whole[offset:]


def test_parts_are_those_of_the_whole_codebook(loaded: LoadedIndex) -> None:
    service = CodebookService(loaded)
    parts = manifest_of(service).parts
    assert parts is not None
    kind = artifact_kind_to_proto(ArtifactKind.CODEBOOK)
    whole = load(download(service, loaded, kind=kind))  # as a device of version 0.2.0 asks
    codewords = load(download(service, loaded, sha256=parts.codewords.sha256))
    words = [load(download(service, loaded, sha256=file.sha256))["words"] for file in parts.subcodebooks]
    assert whole.pop("words").tobytes() == np.concatenate(words).tobytes()
    assert [len(block) for block in words] == np.diff(whole["offsets"]).tolist()
    assert codewords.keys() == whole.keys()
    assert all(np.array_equal(codewords[key], whole[key]) for key in whole)


def test_the_same_index_offers_the_same_parts_each_time(loaded: LoadedIndex) -> None:
    assert Downloads(loaded).offer == Downloads(loaded).offer


def test_a_hash_goes_before_a_kind(loaded: LoadedIndex) -> None:
    service = CodebookService(loaded)
    parts = manifest_of(service).parts
    assert parts is not None
    both = {"sha256": parts.codewords.sha256, "kind": artifact_kind_to_proto(ArtifactKind.CODEBOOK)}
    assert len(download(service, loaded, **both)) == parts.codewords.size_bytes


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"sha256": "0" * 64}, rf"^this index has no file of SHA-256 {'0' * 64}$"),
        ({"sha256": "x" * 99}, rf"^expected 64 hexadecimal digits of a SHA-256, got '{'x' * 80}'$"),
        ({"sha256": "A" * 64}, r"^expected 64 hexadecimal digits"),
        ({"sha256": "../manifest.json"}, r"^expected 64 hexadecimal digits"),
        ({"kind": artifact_kind_to_proto(ArtifactKind.MODEL)}, r"^this index has no model: "),
        ({"kind": artifact_kind_to_proto(ArtifactKind.CODEBOOK), "offset": 1 << 40}, "^expected an offset"),
        ({}, "an artifact"),
    ],
)
def test_what_is_not_there_is_one_line(fields: dict[str, Any], line: str, loaded: LoadedIndex) -> None:
    with pytest.raises(InvalidInputError, match=line):
        download(CodebookService(loaded), loaded, **fields)


def test_another_version_is_refused_also_by_hash(loaded: LoadedIndex) -> None:
    service = CodebookService(loaded)
    sha256 = manifest_of(service).artifacts[ArtifactKind.CODEBOOK].sha256
    with pytest.raises(UnknownCodebookError):
        download(service, loaded, sha256=sha256, codebook_version="another")


@pytest.mark.parametrize("scheme", ["dsc", "dsc-shared", "dsc-raw", "duc-pq", "exhaustive", "duc-ivf-raw"])
def test_a_codebook_that_partitions_share_is_whole(scheme: str, tmp_path: Path) -> None:
    assert Downloads(index_of(tmp_path, scheme)).offer.parts is None


@pytest.mark.parametrize("scheme", ["duc-ivf-pq", "duc-imi-pq", "dsc-pq+spill=3+estimate+sequential"])
def test_other_schemes_with_a_code_per_partition_have_parts(scheme: str, tmp_path: Path) -> None:
    built = index_of(tmp_path, scheme)
    parts = Downloads(built).offer.parts
    assert isinstance(parts, CodebookParts)
    assert len(parts.subcodebooks) == built.index.codebook.num_partitions


def test_a_manifest_stays_small(loaded: LoadedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "MAX_PARTS", 31)
    assert Downloads(loaded).offer.parts is None
    monkeypatch.setattr(downloads, "MAX_PARTS", 32)
    assert Downloads(loaded).offer.parts is not None
