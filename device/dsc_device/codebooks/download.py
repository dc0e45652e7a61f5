"""Codebook and extractor of a server: downloaded once per content, cached, verified by hash."""

from contextlib import nullcontext
from pathlib import Path

from dsc_common.codebook.codebook import EncoderCodebook
from dsc_common.codebook.file import map_codebook
from dsc_common.codebook.manifest import Artifact, ArtifactKind, HeadRule, Manifest
from dsc_common.codebook.parts import map_codewords
from dsc_common.errors import DamagedIndexError, UnknownCodebookError
from dsc_common.features.extractor import Extractor, ModelInfo
from dsc_common.packet.format import Payload
from dsc_device.client import CodebookClient
from dsc_device.codebooks.cache import DownloadCache, Say, silent
from dsc_device.codebooks.choice import DEFAULT_MAX_BYTES, Codebooks
from dsc_device.codebooks.in_parts import CodebookInParts, Connect
from dsc_device.codebooks.model_choice import choose_model
from dsc_device.codebooks.wanted import MAX_FILE_BYTES, Wanted
from dsc_device.encoder_kit import EncoderKit

_MANIFESTS = 3  # a server may change its index during a download, but hardly twice


def fetch_encoder_kit(
    client: CodebookClient,
    cache: Path,
    threads: int | None = None,
    say: Say = silent,
    model: str | None = None,
    codebooks: Codebooks = Codebooks.FULL,
    max_bytes: int = DEFAULT_MAX_BYTES,
    connect: Connect | None = None,
) -> EncoderKit:
    """Get the manifest of a server, download the files that the cache lacks, and load them.

    A download that breaks off is continued where it ended, by this call or a later one.

    Args:
        client: client of the server.
        cache: folder of downloads, one file per hash; created if it does not exist.
        threads: threads of the extractor; None: one per core.
        say: prints a line for a person.
        model: name of a network that the server offers; None: that of its index.
        codebooks: when the sub-codebooks of partitions are downloaded.
        max_bytes: size of the cache, above which the files go that were used longest ago.
        connect: opens a client for sub-codebooks that a query needs later; None: `client` stays open.

    Raises:
        InvalidInputError: the server offers no network of that name.
        DscError: the server does not answer, or its files do not match the manifest.
        OSError: the cache cannot be written.
    """
    downloads = DownloadCache(cache, max_bytes, say)
    manifest = _fetch_all(client, downloads, codebooks, model)
    codebook = _codebook_of(manifest, downloads, connect or (lambda: nullcontext(client)))
    name, network = choose_model(manifest, model)
    extractor = None
    if network is not None:
        file = downloads.path_of(_wanted_model(manifest, network))
        extractor = Extractor.from_file(file, threads, sparing=True)
    _require_fit(manifest, codebook, extractor)
    downloads.sweep()
    return EncoderKit(manifest, codebook, extractor, name)


def _fetch_all(
    client: CodebookClient, downloads: DownloadCache, codebooks: Codebooks, model: str | None
) -> Manifest:
    for left in reversed(range(_MANIFESTS)):
        manifest = client.manifest()
        try:
            for wanted in _first_files(manifest, model):
                if downloads.verified(wanted) is None:
                    downloads.get(client, manifest.codebook_version, [wanted])
            if codebooks is Codebooks.FULL:
                missing = [wanted for wanted in _sub_codebooks(manifest) if not downloads.has(wanted)]
                downloads.get(client, manifest.codebook_version, missing)
            return manifest
        except UnknownCodebookError:  # the server has another index since it sent the manifest
            if left == 0:
                raise
    raise AssertionError


def _first_files(manifest: Manifest, model: str | None) -> list[Wanted]:
    """Files that are needed before the first query."""
    _, network = choose_model(manifest, model)  # not every index has one
    models = [] if network is None else [_wanted_model(manifest, network)]
    if manifest.parts is None:
        return [Wanted.artifact(ArtifactKind.CODEBOOK, manifest.artifacts), *models]
    if sum(file.size_bytes for file in manifest.parts.subcodebooks) > MAX_FILE_BYTES:
        raise DamagedIndexError(f"the server offers no sub-codebooks of at most {MAX_FILE_BYTES >> 30} GiB")
    return [Wanted.codewords(manifest.parts.codewords), *models]


def _wanted_model(manifest: Manifest, network: Artifact) -> Wanted:
    is_usual = manifest.artifacts.get(ArtifactKind.MODEL) == network
    return Wanted.model(network, ArtifactKind.MODEL if is_usual else None)


def _sub_codebooks(manifest: Manifest) -> list[Wanted]:
    """Files of R^i, by partition; none where there is one file of all."""
    if manifest.parts is None:
        return []
    return [Wanted.words(file) for file in manifest.parts.subcodebooks]


def _codebook_of(manifest: Manifest, downloads: DownloadCache, connect: Connect) -> EncoderCodebook:
    if manifest.parts is None:
        return map_codebook(downloads.path_of(Wanted.artifact(ArtifactKind.CODEBOOK, manifest.artifacts)))
    codewords = map_codewords(downloads.path_of(Wanted.codewords(manifest.parts.codewords)))
    _require_equal("codewords", len(codewords.codewords), len(manifest.parts.subcodebooks))
    subvectors, version = manifest.format.num_subvectors, manifest.codebook_version
    return CodebookInParts(codewords, subvectors, manifest.parts, version, downloads, connect)


def _require_fit(manifest: Manifest, codebook: EncoderCodebook, extractor: Extractor | None) -> None:
    fmt = manifest.format
    if fmt.payload is Payload.CODES or manifest.head_rule is HeadRule.NEAREST:
        _require_equal("codewords", codebook.num_partitions, fmt.num_partitions)
    if fmt.num_codes:
        _require_equal("sub-vectors", codebook.num_subvectors, fmt.num_subvectors)
    if extractor is not None:
        _require_model_fits(manifest, extractor.info)
    divisor = max(codebook.num_subvectors, 1)
    padded = -(-manifest.feature_dim // divisor) * divisor
    if projected := codebook.transform.mean.size:
        _require_equal("feature dimensions of the codebook", projected, manifest.feature_dim)
    else:
        _require_equal("feature dimensions of the codebook", codebook.dim, padded)


def _require_model_fits(manifest: Manifest, info: ModelInfo) -> None:
    if manifest.head_rule is HeadRule.LABELS and manifest.format.num_partitions > 1:
        _require_equal("labels of the model", len(info.labels), manifest.format.num_partitions)
    _require_equal("feature dimensions of the model", info.feature_dim, manifest.feature_dim)


def _require_equal(noun: str, count: int, expected: int) -> None:
    if count != expected:
        raise DamagedIndexError(f"what the server sent does not fit: expected {expected} {noun}, got {count}")
