"""The encoder of the server's index, or that of its last manifest while there is no link."""

from collections.abc import Callable, Iterator
from typing import Any

from dsc_common.codebook.manifest import ArtifactKind, Manifest
from dsc_common.errors import DscError, UnreachableError
from dsc_common.wire.codebook import manifest_from_bytes, manifest_to_bytes
from dsc_device.client import CodebookClient
from dsc_device.codebooks.cache import Say, silent
from dsc_device.codebooks.configured import connect, load_kit
from dsc_device.encoder_kit import EncoderKit
from dsc_device.settings import DeviceSettings
from dsc_device.store.store import Store


class KitSource:
    """Loads encoder kits, and keeps the manifest of the last one.

    Args:
        settings: server, cache, time limit.
        store: keeps the manifest.
        say: prints a line for a person.
        progress: called now and then during a download.
    """

    def __init__(
        self, settings: DeviceSettings, store: Store, say: Say, progress: Callable[[], None] = lambda: None
    ) -> None:
        self._settings, self._store, self._say, self._progress = settings, store, say, progress

    def fetch(self, current: EncoderKit | None = None) -> EncoderKit:
        """The kit of the server's index; what the cache lacks is downloaded.

        Args:
            current: a loaded kit, which is returned if it is still that of the server.

        Raises:
            DscError: the server does not answer within `wait_s`, or its files are damaged.
            OSError: the cache cannot be written.
        """
        settings = self._settings
        with connect(settings) as client:
            if current is not None and client.manifest() == current.manifest:
                return current
            reporting = _ReportingClient(client, self._progress)
            kit = load_kit(reporting, settings, self._say)
        self._store.keep_manifest(settings.server, manifest_to_bytes(kit.manifest))
        return kit

    def from_cache(self) -> EncoderKit | None:
        """The kit of the last manifest of this server, if the cache holds its files; nothing is called."""
        manifest = self.last_manifest()
        if manifest is None:
            return None
        try:
            return load_kit(_KeptManifest(manifest), self._settings, silent)
        except (DscError, OSError):
            return None

    def last_manifest(self) -> Manifest | None:
        """The last manifest of this server; None if there was none, or it is not readable any more."""
        message = self._store.manifest(self._settings.server)
        try:
            return None if message is None else manifest_from_bytes(message)
        except DscError:
            return None


def name_of_model(manifest: Manifest, sha256: str) -> str:
    """Name of an accepted network; empty if the server names none."""
    return next((model.name for model in manifest.models if model.file.sha256 == sha256), "")


def accepted_models(manifest: Manifest) -> set[str]:
    """SHA-256 of every network whose features fit the codebook, in lower-case hexadecimal."""
    index_model = manifest.artifacts.get(ArtifactKind.MODEL)
    return {model.file.sha256 for model in manifest.models} | (
        set() if index_model is None else {index_model.sha256}
    )


class _ReportingClient(CodebookClient):
    """A client that reports each piece of a download."""

    def __init__(self, client: CodebookClient, progress: Callable[[], None]) -> None:
        self._client, self._progress = client, progress
        self.timeout_s = client.timeout_s

    def manifest(self) -> Manifest:
        return self._client.manifest()

    def download(self, *arguments: Any, **by_name: Any) -> Iterator[bytes]:  # noqa: ANN401 (as they come)
        for piece in self._client.download(*arguments, **by_name):
            self._progress()
            yield piece

    def explained(self, error: DscError) -> DscError:
        return self._client.explained(error)


class _KeptManifest(CodebookClient):
    """In place of a server: its last manifest, and no downloads."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self.timeout_s = 0.0

    def manifest(self) -> Manifest:
        return self._manifest

    def download(self, *_arguments: Any, **_by_name: Any) -> Iterator[bytes]:  # noqa: ANN401 (as they come)
        raise UnreachableError("no link to the server, and the cache lacks one of its files")

    def explained(self, error: DscError) -> DscError:
        return error
