"""`dsc-eval download NAME`: fetch a published data set, verify it, and unpack it."""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dsc_common.errors import InvalidInputError
from dsc_common.files.whole_file import write_whole
from dsc_common.progress import Track, untracked
from dsc_eval.download.fetching import Fetcher
from dsc_eval.download.sources import SOURCES, RemoteFile, Source
from dsc_eval.download.unpacking import unpack

RECORD = "checksums.json"
BLOCK_BYTES = 1 << 20

Say = Callable[[str], None]


@dataclass(frozen=True)
class FetchedFile:
    """Record of a fetched file: address, size, SHA-256, and whether it was unpacked."""

    address: str
    bytes: int
    sha256: str
    unpacked: bool = False


def download(
    name: str,
    folder: Path,
    say: Say,
    track: Track[Any] = untracked,
    accept_changed: bool = False,
    sources: Mapping[str, Source] = SOURCES,
    fetcher: Fetcher | None = None,
) -> Path:
    """Fetch a data set into `folder/name`; files that exist are verified, not fetched again.

    Args:
        name: of `sources`.
        folder: where data sets are kept.
        say: called with one line for each step.
        track: shows progress.
        accept_changed: take files whose checksum is not the one recorded before, and record the new one.
        sources: the data sets.
        fetcher: how files are fetched; by default with `say` and `track`.

    Returns:
        The folder of the data set.

    Raises:
        InvalidInputError: an unknown name, a wrong checksum, an archive that cannot be unpacked safely.
        UnreachableError: a file cannot be fetched.
    """
    if name not in sources:
        raise InvalidInputError(f"unknown data set {name!r}; expected one of {', '.join(sources)}")
    source, root = sources[name], folder / name
    root.mkdir(parents=True, exist_ok=True)
    with _alone(root):
        for file in source.files:
            _bring(file, root, fetcher or Fetcher(say, track), accept_changed)
    if source.remark:
        say(f"{name}: {source.remark}")
    return root


def _bring(file: RemoteFile, root: Path, fetcher: Fetcher, accept_changed: bool) -> None:
    recorded = _read_record(root).get(file.name)
    path = root / ("archives" if file.is_archive else file.folder) / file.name
    unpacked = (
        file.is_archive and recorded is not None and recorded.unpacked and (root / file.folder).is_dir()
    )
    if unpacked and not path.exists():
        fetcher.say(f"{file.name}: unpacked already, and its archive was removed")
        return
    if path.exists():
        address = file.addresses[0] if recorded is None else recorded.address
    else:
        address = fetcher.fetch(file.addresses, path, file.max_bytes)
    current = FetchedFile(address, path.stat().st_size, _digest(path, "sha256", fetcher.track))
    with _rejecting(path):
        fetcher.say(f"{file.name}: {_verify(file, path, current, recorded, accept_changed)}")
    if file.is_archive and not (unpacked and recorded is not None and recorded.sha256 == current.sha256):
        _unpack(file, path, root / file.folder, fetcher.say)
    _write_record(root, file.name, replace(current, unpacked=file.is_archive))


def _unpack(file: RemoteFile, archive: Path, folder: Path, say: Say) -> None:
    if folder.exists():
        raise InvalidInputError(f"{folder} exists already; move it away to unpack {file.name} anew")
    with _rejecting(archive):
        count = unpack(archive, folder, file.max_unpacked_bytes)
    say(f"{file.name}: {count} files in {folder}")


@contextmanager
def _rejecting(path: Path) -> Iterator[None]:
    """Rename a file that proves wrong: nothing uses it, and the next run fetches it again."""
    try:
        yield
    except InvalidInputError as error:
        rejected = path.with_name(f"{path.name}.rejected")
        path.replace(rejected)
        raise InvalidInputError(f"{error}; it is kept as {rejected.name}") from error


def _verify(
    file: RemoteFile, path: Path, current: FetchedFile, recorded: FetchedFile | None, accept_changed: bool
) -> str:
    """One line on what the file was compared with; InvalidInputError when it differs."""
    if file.sha256 is not None:
        _require(file.sha256, current.sha256, "published SHA-256", path)
        return "the SHA-256 is the published one"
    if recorded is not None and recorded.sha256 == current.sha256:
        return "the SHA-256 is the one recorded before"
    if accept_changed:
        return f"accepted; SHA-256 {current.sha256} is recorded, and compared from now on"
    if recorded is not None:
        _require(recorded.sha256, current.sha256, "SHA-256 recorded before", path)
    if file.md5 is not None:
        _require(file.md5, _digest(path, "md5"), "MD5 that others recorded", path)
        return f"the MD5 is the one that others recorded; SHA-256 {current.sha256} is recorded"
    return f"no checksum is published; SHA-256 {current.sha256} is recorded, and compared from now on"


def _require(expected: str, got: str, what: str, path: Path) -> None:
    if expected != got:
        raise InvalidInputError(f"{path} is not what was expected: {what} {expected}, got {got}")


def _digest(path: Path, algorithm: str, track: Track[Any] = untracked) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        blocks = iter(lambda: file.read(BLOCK_BYTES), b"")
        for block in track(blocks, f"verifying {path.name} (MiB)", -(-path.stat().st_size // BLOCK_BYTES)):
            digest.update(block)
    return digest.hexdigest()


def _read_record(root: Path) -> dict[str, FetchedFile]:
    path = root / RECORD
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): FetchedFile(**entry) for name, entry in entries.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError(f"{path} is damaged; remove it to trust the files that are there") from error


def _write_record(root: Path, name: str, recorded: FetchedFile) -> None:
    entries = {key: asdict(entry) for key, entry in (_read_record(root) | {name: recorded}).items()}
    write_whole(root / RECORD, (json.dumps(entries, indent=1) + "\n").encode())


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    handle = os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidInputError(f"another download is under way in {root}") from error
        yield
    finally:
        os.close(handle)
