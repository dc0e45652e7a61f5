"""Codebooks and extractor of a server: downloaded once per version, cached, checked by their hash."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc

from dsc.v1 import codebook_pb2, codebook_pb2_grpc
from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.file import codebook_from_bytes
from dsc_common.codebook.manifest import Artifact, ArtifactKind, HeadRule, Manifest
from dsc_common.errors import DamagedIndexError
from dsc_common.features.extractor import Extractor
from dsc_common.files.whole_file import whole_file
from dsc_common.packet.format import Payload
from dsc_common.serving.address import Peer
from dsc_common.serving.status import call_error
from dsc_common.wire.codebook import artifact_kind_to_proto, manifest_from_proto

MAX_ARTIFACT_BYTES = 8 << 30


@dataclass(frozen=True, eq=False)
class Equipment:
    """What a device needs to make packets: manifest, C and R, extractor."""

    manifest: Manifest
    codebook: Codebook
    extractor: Extractor


def fetch_equipment(
    channel: grpc.Channel, server: Peer, cache: Path, timeout_s: float, threads: int | None = None
) -> Equipment:
    """Ask the server what it holds, download what the cache lacks, load it.

    Args:
        channel: a connection to the server.
        server: the server, for error lines.
        cache: folder of downloads, one file per hash.
        timeout_s: limit of one call; a download may take as long as it moves on.
        threads: of the extractor; None is one per core.

    Raises:
        DscError: the server does not answer, or what it sends is not what its manifest says.
    """
    stub = codebook_pb2_grpc.CodebookServiceStub(channel)
    try:
        reply = stub.GetManifest(codebook_pb2.GetManifestRequest(), timeout=timeout_s)
        manifest = manifest_from_proto(reply.manifest)
        paths = {kind: _fetch(stub, manifest, kind, cache) for kind in ArtifactKind}
    except grpc.RpcError as error:
        raise call_error(error, server) from error
    codebook = codebook_from_bytes(paths[ArtifactKind.CODEBOOK].read_bytes(), "codebook")
    extractor = Extractor.from_file(paths[ArtifactKind.MODEL], threads)
    _require_fit(manifest, codebook, extractor)
    return Equipment(manifest, codebook, extractor)


def _fetch(
    stub: codebook_pb2_grpc.CodebookServiceStub, manifest: Manifest, kind: ArtifactKind, cache: Path
) -> Path:
    artifact = manifest.artifacts.get(kind)
    if artifact is None or artifact.size_bytes > MAX_ARTIFACT_BYTES:
        raise DamagedIndexError(f"the server offers no {kind} of at most {MAX_ARTIFACT_BYTES >> 30} GiB")
    path = cache / f"{artifact.sha256}.{kind}"
    if not _is_whole(path, artifact):
        request = codebook_pb2.DownloadRequest(
            codebook_version=manifest.codebook_version, kind=artifact_kind_to_proto(kind)
        )
        pieces = (reply.data for reply in stub.Download(request))
        _store(pieces, artifact, path, str(kind))
    return path


def _is_whole(path: Path, artifact: Artifact) -> bool:
    if not path.is_file() or path.stat().st_size != artifact.size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == artifact.sha256


def _store(pieces: Iterator[bytes], artifact: Artifact, path: Path, name: str) -> None:
    """Write the pieces to `path`: another process sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with whole_file(path) as file:
        for piece in pieces:
            size += len(piece)
            if size > artifact.size_bytes:
                break
            digest.update(piece)
            file.write(piece)
        if size != artifact.size_bytes or digest.hexdigest() != artifact.sha256:
            raise DamagedIndexError(
                f"the {name} arrived damaged: expected {artifact.size_bytes} bytes "
                f"of SHA-256 {artifact.sha256}"
            )


def _require_fit(manifest: Manifest, codebook: Codebook, extractor: Extractor) -> None:
    fmt, info = manifest.format, extractor.info
    if fmt.payload is Payload.CODES or manifest.head_rule is HeadRule.NEAREST:
        _require_equal("codewords", codebook.num_labels, fmt.num_labels)
    if fmt.num_codes:
        _require_equal("sub-vectors", codebook.num_subvectors, fmt.num_subvectors)
    if manifest.head_rule is HeadRule.LABELS and fmt.num_labels > 1:
        _require_equal("labels of the model", len(info.labels), fmt.num_labels)
    _require_equal("feature dimensions of the model", info.feature_dim, manifest.feature_dim)
    divisor = max(codebook.num_subvectors, 1)
    padded = -(-manifest.feature_dim // divisor) * divisor
    if projected := codebook.transform.mean.size:
        _require_equal("feature dimensions of the codebook", projected, manifest.feature_dim)
    else:
        _require_equal("feature dimensions of the codebook", codebook.feature_dim, padded)


def _require_equal(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise DamagedIndexError(f"what the server sent does not fit: expected {expected} {what}, got {found}")
