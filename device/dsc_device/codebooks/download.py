"""Codebook and extractor of a server: downloaded once per version, cached, verified by hash."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.file import codebook_from_bytes
from dsc_common.codebook.manifest import Artifact, ArtifactKind, HeadRule, Manifest
from dsc_common.errors import DamagedIndexError, OverloadedError, UnknownCodebookError, UnreachableError
from dsc_common.features.extractor import Extractor, ModelInfo
from dsc_common.files.whole_file import NO_ROOM
from dsc_common.packet.format import Payload
from dsc_common.serving.retrying import DEFAULT_BACKOFF
from dsc_device.client import CodebookClient
from dsc_device.codebooks.model_choice import choose_model
from dsc_device.codebooks.partial_file import PartialFile, is_whole, open_partial
from dsc_device.codebooks.sweep import mark_used, sweep
from dsc_device.encoder_kit import EncoderKit

MAX_ARTIFACT_BYTES = 8 << 30
LARGE_BYTES = 4 << 20  # such a download is announced
_MANIFESTS = 3  # a server may change its index during a download, but hardly twice

Say = Callable[[str], None]


def _silent(_line: str) -> None:
    pass


def fetch_encoder_kit(
    client: CodebookClient,
    cache: Path,
    threads: int | None = None,
    say: Say = _silent,
    model: str | None = None,
) -> EncoderKit:
    """Get the manifest of a server, download the files that the cache lacks, and load them.

    A download that breaks off is continued where it ended, by this call or a later one.

    Args:
        client: client of the server.
        cache: folder of downloads, one file per hash; created if it does not exist.
        threads: threads of the extractor; None: one per core.
        say: prints a line for a person.
        model: name of a network that the server offers; None: that of its index.

    Raises:
        InvalidInputError: the server offers no network of that name.
        DscError: the server does not answer, or its files do not match the manifest.
        OSError: the cache cannot be written.
    """
    manifest, paths = _fetch_all(client, cache, say, model)
    codebook = codebook_from_bytes(paths[ArtifactKind.CODEBOOK].read_bytes(), "codebook")
    network = paths.get(ArtifactKind.MODEL)
    extractor = None if network is None else Extractor.from_file(network, threads, sparing=True)
    _require_fit(manifest, codebook, extractor)
    sweep(cache, set(paths.values()))
    name, _ = choose_model(manifest, model)
    return EncoderKit(manifest, codebook, extractor, name)


def _fetch_all(
    client: CodebookClient, cache: Path, say: Say, model: str | None
) -> tuple[Manifest, dict[ArtifactKind, Path]]:
    for left in reversed(range(_MANIFESTS)):
        manifest = client.manifest()
        try:
            files = _wanted(manifest, model)
            return manifest, {
                kind: _fetch(client, manifest, kind, file, cache, say) for kind, file in files.items()
            }
        except UnknownCodebookError:  # the server has another index since it sent the manifest
            if left == 0:
                raise
    raise AssertionError


def _wanted(manifest: Manifest, model: str | None) -> dict[ArtifactKind, Artifact | None]:
    """The codebook, and the network that is used; not every index has one."""
    _, network = choose_model(manifest, model)
    codebook = {ArtifactKind.CODEBOOK: manifest.artifacts.get(ArtifactKind.CODEBOOK)}
    return codebook if network is None else {**codebook, ArtifactKind.MODEL: network}


def _fetch(
    client: CodebookClient,
    manifest: Manifest,
    kind: ArtifactKind,
    artifact: Artifact | None,
    cache: Path,
    say: Say,
) -> Path:
    if artifact is None or artifact.size_bytes > MAX_ARTIFACT_BYTES:
        raise DamagedIndexError(f"the server offers no {kind} of at most {MAX_ARTIFACT_BYTES >> 30} GiB")
    path = cache / f"{artifact.sha256}.{kind}"
    if not is_whole(path, artifact):
        cache.mkdir(parents=True, exist_ok=True)
        with open_partial(path, artifact, client.timeout_s) as partial:
            if partial is not None:
                _Download(client, manifest, kind, partial, say).run()
    mark_used(path)
    return path


class _Download:
    """One artifact into its partial file."""

    def __init__(
        self, client: CodebookClient, manifest: Manifest, kind: ArtifactKind, partial: PartialFile, say: Say
    ) -> None:
        self._client, self._version, self._kind = client, manifest.codebook_version, kind
        self._partial, self._artifact, self._say = partial, partial.artifact, say
        is_usual = manifest.artifacts.get(kind) == partial.artifact  # servers of version 0.2.0 have no others
        self._sha256 = "" if is_usual else partial.artifact.sha256

    def run(self) -> None:
        """Download what is missing and put the file in place; DamagedIndexError if its hash is wrong."""
        self._announce()
        resumes = self._partial.size > 0
        if self._is_complete(self._receive) or (resumes and self._is_complete(self._receive)):
            return
        self._partial.remove()
        raise DamagedIndexError(
            f"the {self._kind} arrived damaged: expected {self._artifact.size_bytes} bytes "
            f"of SHA-256 {self._artifact.sha256}"
        )

    def _announce(self) -> None:
        size, held = self._artifact.size_bytes, self._partial.size
        if size >= LARGE_BYTES:
            rest = f", {held / 1e6:.1f} MB of them are here" if held else ""
            self._say(f"downloading the {self._kind}: {size / 1e6:.1f} MB{rest}")

    def _is_complete(self, receive: Callable[[], None]) -> bool:
        try:
            receive()
            return self._partial.finish()
        except OSError as error:
            if error.errno in NO_ROOM:
                self._partial.remove()
            raise

    def _receive(self) -> None:
        """Append pieces until the server ends the file, again after each failure that may pass."""
        if self._partial.size > self._artifact.size_bytes:
            self._partial.clear()
        rng, failed, gives_up_at = np.random.default_rng(), 0, time.monotonic() + self._client.timeout_s
        while self._partial.size < self._artifact.size_bytes:
            held = self._partial.size
            try:
                self._receive_once()
                return
            except (UnreachableError, OverloadedError) as error:
                if self._partial.size > held:
                    failed, gives_up_at = 0, time.monotonic() + self._client.timeout_s
                if time.monotonic() >= gives_up_at:
                    raise self._client.explained(error) from error
            time.sleep(DEFAULT_BACKOFF.pause_s(failed, rng))
            failed += 1

    def _receive_once(self) -> None:
        for piece in self._client.download(self._version, self._kind, self._partial.size, self._sha256):
            self._partial.append(piece)
            if self._partial.size > self._artifact.size_bytes:
                return


def _require_fit(manifest: Manifest, codebook: Codebook, extractor: Extractor | None) -> None:
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
