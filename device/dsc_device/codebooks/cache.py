"""The folder of downloads: a file per content hash, verified when it is first used, limited in size."""

import errno
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from dsc_common.errors import DscError
from dsc_device.client import CodebookClient
from dsc_device.codebooks.choice import DEFAULT_MAX_BYTES
from dsc_device.codebooks.file_download import LARGE_BYTES, FileDownload
from dsc_device.codebooks.partial_file import is_whole, open_partial
from dsc_device.codebooks.sweep import mark_used, sweep
from dsc_device.codebooks.wanted import Wanted

AT_ONCE = 4  # downloads: small files wait for answers, not for the link
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)

Say = Callable[[str], None]
_Stamp = tuple[int, int, int]  # device, inode, size


def silent(_line: str) -> None:
    """Say nothing."""


class DownloadCache:
    """The files of one codebook in a folder that processes and users may share.

    Files that this object has handed out stay, whatever the limit. Calls from several threads are safe.

    Args:
        folder: created when the first file arrives.
        max_bytes: size of all files together, above which those go that were used longest ago.
        say: prints a line for a person.
    """

    def __init__(self, folder: Path, max_bytes: int = DEFAULT_MAX_BYTES, say: Say = silent) -> None:
        self._folder, self._max_bytes, self._say = folder, max_bytes, say
        self._verified: dict[Path, _Stamp] = {}
        self._in_use: set[Path] = set()

    def path_of(self, wanted: Wanted) -> Path:
        """The place of a file."""
        return self._folder / f"{wanted.file.sha256}.{wanted.suffix}"

    def has(self, wanted: Wanted) -> bool:
        """Whether a file of the right size is there, for later use; its hash is checked then."""
        path = self.path_of(wanted)
        if not path.is_file() or path.stat().st_size != wanted.file.size_bytes:
            return False
        self._use(path)
        return True

    def verified(self, wanted: Wanted) -> Path | None:
        """The path of a file whose hash is right; None if there is none.

        The hash is computed once, and again for a file that was removed, replaced or cut off since.
        """
        path = self.path_of(wanted)
        stamp = _stamp_of(path)
        if stamp is None or self._verified.get(path) != stamp:
            if not is_whole(path, wanted.file):
                return None
            self._mark_verified(path)
        else:
            self._use(path)
        return path

    def get(self, client: CodebookClient, version: str, files: Iterable[Wanted]) -> None:
        """Download files that are not there, several at a time, and remove what the limit has no room for.

        Args:
            client: client of the server.
            version: version of the codebook.
            files: files of its manifest.

        Raises:
            DscError: the server does not answer, holds another codebook, or sends something else; or the
                cache can only be read.
            OSError: the cache cannot be written.
        """
        missing = list({wanted.file.sha256: wanted for wanted in files}.values())
        self._announce(missing)
        in_parallel([partial(self._download, client, version, wanted) for wanted in missing])
        if missing:
            self.sweep()

    def sweep(self) -> None:
        """Remove what the limit has no room for."""
        sweep(self._folder, set(self._in_use), self._max_bytes)

    def _announce(self, files: list[Wanted]) -> None:
        size = sum(wanted.file.size_bytes for wanted in files)
        if len(files) > 1 and size >= LARGE_BYTES:
            self._say(f"downloading {len(files)} {files[0].name}s: {size / 1e6:.1f} MB")

    def _download(self, client: CodebookClient, version: str, wanted: Wanted) -> None:
        path = self.path_of(wanted)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with open_partial(path, wanted.file, client.timeout_s) as arrived:
                if arrived is not None:
                    FileDownload(client, version, wanted, arrived, self._say).run()
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            raise DscError(
                f"the cache {self._folder} lacks the {wanted.name} and cannot be written: {error.strerror}"
            ) from error
        self._mark_verified(path)

    def _mark_verified(self, path: Path) -> None:
        stamp = _stamp_of(path)
        if stamp is not None:
            self._verified[path] = stamp
        self._use(path)

    def _use(self, path: Path) -> None:
        self._in_use.add(path)
        mark_used(path)


def _stamp_of(path: Path) -> _Stamp | None:
    """What changes when a file is replaced or cut off; not its time, which `mark_used` sets."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size


def in_parallel(calls: Sequence[Callable[[], None]]) -> None:
    """Make some calls, AT_ONCE at a time; after an error of one, those that have not begun are not made."""
    if len(calls) < 2:
        for call in calls:
            call()
        return
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for result in [pool.submit(call) for call in calls]:
            result.result()
    except Exception:
        pool.shutdown(cancel_futures=True)
        raise
    except BaseException:  # an interruption waits for no server
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
