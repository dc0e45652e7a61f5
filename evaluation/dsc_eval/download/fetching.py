"""Fetch one file over HTTP(S): cut connections are resumed, failures tried again; the file appears whole.

What has come is kept in `NAME.partial`; beside it stands what identifies the server's file (ETag or
Last-Modified), so that two versions of a file are never joined (RFC 9110, If-Range). An FTP address is
fetched in one piece.
"""

import http.client
import json
import math
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from dsc_common.errors import InvalidInputError, UnreachableError
from dsc_common.files.whole_file import put_in_place
from dsc_common.progress import Track, untracked

BLOCK_BYTES = 1 << 20
TIMEOUT_S = 60.0
ATTEMPTS = 5  # without a byte of progress
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
SCHEMES = ("http", "https", "ftp")

_RETRY_STATUSES = (408, 425, 429, 500, 502, 503, 504)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class _Response(Protocol):
    headers: Message

    @property
    def status(self) -> int | None:
        """Of HTTP; None of FTP."""

    def read(self, amount: int, /) -> bytes:
        """At most so many bytes; none at the end."""


class _CutError(Exception):
    """A failure that a retry may mend; `pause_s` is the server's Retry-After."""

    def __init__(self, reason: str, pause_s: float = 0.0) -> None:
        super().__init__(reason)
        self.pause_s = pause_s


@dataclass(frozen=True)
class _RemoteVersion:
    """Which version of the server's file is being fetched."""

    address: str
    validator: str | None
    total: int | None


@dataclass(frozen=True)
class Fetcher:
    """Fetches files.

    Attributes:
        say: called with one line on each retry.
        track: shows progress over MiB.
        sleep: waits for seconds.
    """

    say: Callable[[str], None]
    track: Track[Any] = untracked
    sleep: Callable[[float], None] = time.sleep

    def fetch(self, addresses: Sequence[str], target: Path, max_bytes: int) -> str:
        """Fetch a file from the first address that has it.

        Returns:
            The address.

        Raises:
            UnreachableError: no address has the file or answers.
            InvalidInputError: the file is larger than max_bytes, or an address is none of `SCHEMES`.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        for number, address in enumerate(addresses):
            try:
                self._fetch_from(address, target, max_bytes)
                return address
            except UnreachableError as error:
                if number + 1 == len(addresses):
                    raise
                self.say(f"{error}; trying {addresses[number + 1]}")
        raise InvalidInputError("expected at least one address")

    def _fetch_from(self, address: str, target: Path, max_bytes: int) -> None:
        if urlsplit(address).scheme not in SCHEMES:
            raise InvalidInputError(f"expected an address of {', '.join(SCHEMES)}, got {address!r}")
        partial = target.with_name(f"{target.name}.partial")
        failures = 0
        while True:
            size_before = _size(partial)
            try:
                self._transfer(address, partial, max_bytes)
                break
            except _CutError as error:
                failures = 1 if _size(partial) > size_before else failures + 1
                if failures == ATTEMPTS:
                    raise UnreachableError(f"cannot fetch {address}: {error}") from error
                pause = min(max(FIRST_PAUSE_S * 2 ** (failures - 1), error.pause_s), LONGEST_PAUSE_S)
                self.say(f"{address}: {error}; trying again in {pause:g} s")
                self.sleep(pause)
        put_in_place(partial, target)
        _note_of(partial).unlink(missing_ok=True)

    def _transfer(self, address: str, partial: Path, max_bytes: int) -> None:
        begun, have = _what_there_is(address, partial)
        if begun is not None and begun.total == have:
            return
        headers = {"User-Agent": "dsc-eval", "Accept-Encoding": "identity"}
        if begun is not None and begun.validator is not None:
            headers |= {"Range": f"bytes={have}-", "If-Range": begun.validator}
        request = urllib.request.Request(address, headers=headers)  # noqa: S310 - the scheme is checked
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
                self._receive(response, address, partial, max_bytes)
        except urllib.error.HTTPError as error:
            error.close()
            _raise_for_status(error, address, partial)
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise UnreachableError(f"cannot fetch {address}: {error.reason.verify_message}") from error
            raise _CutError(str(error.reason)) from error
        except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
            raise _CutError(str(error) or type(error).__name__) from error

    def _receive(self, response: _Response, address: str, partial: Path, max_bytes: int) -> None:
        old, have = _what_there_is(address, partial)
        start, new = _begin(response, address)
        if start and (old is None or start != have or _differ(old, new)):
            _forget(partial)
            raise _CutError("the file has changed on the server")
        if start == 0:
            _forget(partial)
            _note_of(partial).write_text(json.dumps(asdict(new)))
        if new.total is not None and new.total > max_bytes:
            _forget(partial)
            raise InvalidInputError(f"expected at most {max_bytes} bytes, got {new.total}: {address}")
        size = start
        count = 0 if new.total is None else math.ceil((new.total - start) / BLOCK_BYTES)
        with partial.open("ab") as file:
            for block in self.track(_blocks(response), f"fetching {Path(address).name} (MiB)", count):
                size += len(block)
                if size > max_bytes:
                    break
                file.write(block)
        if size > max_bytes:
            _forget(partial)
            raise InvalidInputError(f"expected at most {max_bytes} bytes, got more: {address}")
        if new.total is not None and size < new.total:
            raise _CutError(f"the connection ended after {size} of {new.total} bytes")


def _what_there_is(address: str, partial: Path) -> tuple[_RemoteVersion | None, int]:
    """The version of a partial file that can be resumed, and its size in bytes."""
    have = _size(partial)
    try:
        begun = _RemoteVersion(**json.loads(_note_of(partial).read_text()))
    except (OSError, ValueError, TypeError):
        return None, 0
    return (begun, have) if have and begun.address == address and begun.validator else (None, 0)


def _begin(response: _Response, address: str) -> tuple[int, _RemoteVersion]:
    """Where in the file the response begins, and what identifies the file."""
    etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
    validator = etag if etag and not etag.startswith("W/") else modified  # a weak one can't be resumed by
    length = response.headers.get("Content-Length", "")
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0, _RemoteVersion(address, validator, int(length) if length.isdecimal() else None)
    span = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if span is None:
        raise _CutError("the server sends a part of the file without saying which")
    return int(span[1]), _RemoteVersion(address, validator, None if span[2] == "*" else int(span[2]))


def _differ(old: _RemoteVersion, new: _RemoteVersion) -> bool:
    pairs = ((old.validator, new.validator), (old.total, new.total))
    return any(None not in pair and pair[0] != pair[1] for pair in pairs)


def _raise_for_status(error: urllib.error.HTTPError, address: str, partial: Path) -> None:
    if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        _forget(partial)
        raise _CutError("the file has changed on the server") from error
    if error.code in _RETRY_STATUSES:
        after = error.headers.get("Retry-After", "")
        raise _CutError(
            f"HTTP {error.code} {error.reason}", float(after) if after.isdecimal() else 0
        ) from error
    raise UnreachableError(f"cannot fetch {address}: HTTP {error.code} {error.reason}") from error


def _blocks(response: _Response) -> Iterator[bytes]:
    while block := response.read(BLOCK_BYTES):
        yield block


def _note_of(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _forget(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _note_of(partial).unlink(missing_ok=True)
