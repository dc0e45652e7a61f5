"""Codebook and extractor of a server: downloaded once per version, cached, verified by hash."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.file import codebook_from_bytes
from dsc_common.codebook.manifest import Artifact, ArtifactKind, HeadRule, Manifest
from dsc_common.errors import DamagedIndexError
from dsc_common.features.extractor import Extractor
from dsc_common.files.whole_file import whole_file
from dsc_common.packet.format import Payload
from dsc_device.client import CodebookClient
from dsc_device.encoder_kit import EncoderKit

MAX_ARTIFACT_BYTES = 8 << 30


def fetch_encoder_kit(client: CodebookClient, cache: Path, threads: int | None = None) -> EncoderKit:
    """Get the manifest of a server, download the files that the cache lacks, and load them.

    Args:
        client: client of the server.
        cache: folder of downloads, one file per hash; created if it does not exist.
        threads: threads of the extractor; None: one per core.

    Raises:
        DscError: the server does not answer, or its files do not match the manifest.
    """
    manifest = client.manifest()
    paths = {kind: _fetch(client, manifest, kind, cache) for kind in ArtifactKind}
    codebook = codebook_from_bytes(paths[ArtifactKind.CODEBOOK].read_bytes(), "codebook")
    extractor = Extractor.from_file(paths[ArtifactKind.MODEL], threads)
    _require_fit(manifest, codebook, extractor)
    return EncoderKit(manifest, codebook, extractor)


def _fetch(client: CodebookClient, manifest: Manifest, kind: ArtifactKind, cache: Path) -> Path:
    artifact = manifest.artifacts.get(kind)
    if artifact is None or artifact.size_bytes > MAX_ARTIFACT_BYTES:
        raise DamagedIndexError(f"the server offers no {kind} of at most {MAX_ARTIFACT_BYTES >> 30} GiB")
    path = cache / f"{artifact.sha256}.{kind}"
    if not _is_whole(path, artifact):
        _store(client.download(manifest.codebook_version, kind), artifact, path, str(kind))
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
        _require_equal("codewords", codebook.num_partitions, fmt.num_partitions)
    if fmt.num_codes:
        _require_equal("sub-vectors", codebook.num_subvectors, fmt.num_subvectors)
    if manifest.head_rule is HeadRule.LABELS and fmt.num_partitions > 1:
        _require_equal("labels of the model", len(info.labels), fmt.num_partitions)
    _require_equal("feature dimensions of the model", info.feature_dim, manifest.feature_dim)
    divisor = max(codebook.num_subvectors, 1)
    padded = -(-manifest.feature_dim // divisor) * divisor
    if projected := codebook.transform.mean.size:
        _require_equal("feature dimensions of the codebook", projected, manifest.feature_dim)
    else:
        _require_equal("feature dimensions of the codebook", codebook.dim, padded)


def _require_equal(noun: str, count: int, expected: int) -> None:
    if count != expected:
        raise DamagedIndexError(f"what the server sent does not fit: expected {expected} {noun}, got {count}")
