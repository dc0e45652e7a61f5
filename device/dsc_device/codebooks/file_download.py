"""One file of a server: resumed where an earlier download broke off, repeated while the server is away."""

import time
from collections.abc import Callable

import numpy as np

from dsc_common.errors import DamagedIndexError, OverloadedError, UnreachableError
from dsc_common.files.whole_file import NO_ROOM
from dsc_common.serving.retrying import DEFAULT_BACKOFF
from dsc_device.client import CodebookClient
from dsc_device.codebooks.partial_file import PartialFile
from dsc_device.codebooks.wanted import Wanted

LARGE_BYTES = 4 << 20  # such a download is announced


class FileDownload:
    """One file of a server into its partial file.

    Args:
        client: client of the server.
        version: version of the codebook.
        wanted: the file.
        partial: the part of it that has arrived.
        say: prints a line for a person.
    """

    def __init__(
        self,
        client: CodebookClient,
        version: str,
        wanted: Wanted,
        partial: PartialFile,
        say: Callable[[str], None],
    ) -> None:
        self._client, self._version, self._wanted = client, version, wanted
        self._partial, self._artifact, self._say = partial, wanted.file, say

    def run(self) -> None:
        """Download what is missing and put the file in place; DamagedIndexError if its hash is wrong."""
        self._announce()
        resumes = self._partial.size > 0
        if self._is_complete(self._receive) or (resumes and self._is_complete(self._receive)):
            return
        self._partial.remove()
        raise DamagedIndexError(
            f"the {self._wanted.name} arrived damaged: expected {self._artifact.size_bytes} bytes "
            f"of SHA-256 {self._artifact.sha256}"
        )

    def _announce(self) -> None:
        size, held = self._artifact.size_bytes, self._partial.size
        if size >= LARGE_BYTES:
            rest = f", {held / 1e6:.1f} MB of them are here" if held else ""
            self._say(f"downloading the {self._wanted.name}: {size / 1e6:.1f} MB{rest}")

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
        wanted = self._wanted
        pieces = self._client.download(self._version, wanted.file.sha256, self._partial.size, wanted.kind)
        for piece in pieces:
            self._partial.append(piece)
            if self._partial.size > self._artifact.size_bytes:
                return
