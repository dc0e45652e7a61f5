"""The file of tokens: names, roles and hashes; a token itself is shown once, when it is made, and never kept.

A token has 256 random bits. Nobody can try so many, so a fast hash (SHA-256) without salt is enough.
"""

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from dsc_common.errors import DscError, InvalidInputError
from dsc_common.files.lock import locked
from dsc_common.files.whole_file import whole_file
from dsc_common.serving.roles import Role

PREFIX = "dsc_"  # scanners for leaked secrets find tokens by it
TOKEN_BYTES = 32
MAX_TOKENS = 1000  # each request is compared with all
_FORMAT = 1
_MAX_FILE_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One token.

    Attributes:
        name: whose it is.
        role: its rights.
        made: day on which it was made, such as "2026-05-01".
        sha256: hash of the token, in hexadecimal digits.
    """

    name: str
    role: Role
    made: str
    sha256: str


@dataclass(frozen=True)
class Book:
    """All tokens of a server, in the order in which they were made."""

    entries: tuple[Entry, ...] = ()

    def find(self, token: str) -> Entry | None:
        """The entry of a token; None if it is unknown. Takes as long for any token."""
        digest, found = _hash(token), None
        for entry in self.entries:
            if hmac.compare_digest(entry.sha256, digest):
                found = entry
        return found

    def with_token(self, name: str, role: Role) -> tuple["Book", str]:
        """The book with one more token, and that token.

        Raises:
            InvalidInputError: the name is taken or no name, or there are too many tokens.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInputError(
                f"expected a name of up to 64 letters, digits, dots, hyphens and underscores, got {name!r}"
            )
        if any(entry.name == name for entry in self.entries):
            raise InvalidInputError(f"there is a token {name} already; revoke it first")
        if len(self.entries) >= MAX_TOKENS:
            raise InvalidInputError(f"expected at most {MAX_TOKENS} tokens; revoke some first")
        token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
        made = datetime.now(UTC).date().isoformat()
        return Book((*self.entries, Entry(name, role, made, _hash(token)))), token

    def without(self, name: str) -> "Book":
        """The book without the token of a name; InvalidInputError if there is none."""
        left = tuple(entry for entry in self.entries if entry.name != name)
        if len(left) == len(self.entries):
            raise InvalidInputError(f"there is no token {name!r}")
        return Book(left)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def read_book(path: Path) -> Book:
    """The book of a file.

    Raises:
        DscError: it cannot be read, or is no file of tokens.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise DscError(f"cannot read the tokens in {path}: {error.strerror}") from error
    try:
        content = json.loads(data)
        if content["format"] != _FORMAT or len(data) > _MAX_FILE_BYTES:
            raise ValueError
        return Book(tuple(_entry(fields) for fields in content["tokens"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DscError(f"expected a file of `dsc-server token`, got other content in {path}") from error


def _entry(fields: Any) -> Entry:  # noqa: ANN401 (JSON)
    entry = Entry(str(fields["name"]), Role(fields["role"]), str(fields["made"]), str(fields["sha256"]))
    if not _NAME.fullmatch(entry.name) or not _HASH.fullmatch(entry.sha256):
        raise ValueError
    return entry


def write_book(path: Path, book: Book) -> None:
    """Write the file of a book atomically, readable by its owner alone, who stays the same."""
    content = {"format": _FORMAT, "tokens": [asdict(entry) for entry in book.entries]}
    with whole_file(path, mode=0o600) as file:
        _keep_owner(file, path)
        file.write(json.dumps(content, indent=1).encode() + b"\n")


def _keep_owner(new: BinaryIO, path: Path) -> None:
    """As root, give a new file the owner of the one that it replaces, as whom a server may read it."""
    with contextlib.suppress(FileNotFoundError):
        old, own = path.lstat(), os.fstat(new.fileno())
        if os.geteuid() == 0 and (old.st_uid, old.st_gid) != (own.st_uid, own.st_gid):
            os.fchown(new.fileno(), old.st_uid, old.st_gid)


@contextlib.contextmanager
def changing(path: Path) -> Iterator[tuple[Path, Book]]:
    """The file to write and its book, while no other process changes it; an empty book if there is no file.

    The file is the one that symbolic links lead to: a server follows them, and revoking must reach that file.

    Raises:
        DscError: the links lead nowhere, or the file is no file of tokens.
        InvalidInputError: another process changes it.
    """
    file = Path(os.path.realpath(path))
    if file.is_symlink():
        raise DscError(f"cannot read the tokens in {path}: its symbolic links form a loop")
    with locked(file.with_name(f".{file.name}.lock"), f"another process is changing {path}"):
        yield file, read_book(file) if file.exists() else Book()
