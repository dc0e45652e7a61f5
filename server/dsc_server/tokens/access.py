"""The rule of access of a server with tokens; it follows their file, so that a revoked token ends at once."""

from pathlib import Path
from typing import Any

import grpc

from dsc_common.cli.streams import say
from dsc_common.errors import DscError, UnauthenticatedError, UnreachableError
from dsc_common.files.followed import Followed
from dsc_common.serving.bearer import token_in, token_of
from dsc_common.serving.caller import Caller
from dsc_server.tokens.book import Book, read_book

_Context = grpc.aio.ServicerContext[Any, Any]


class TokenAccess:
    """Each call needs a token of the file, and has the rights of its role.

    Args:
        path: the file; it is read again when it changes. While it cannot be read, all calls are refused.

    Raises:
        DscError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._followed: Followed[Book] = Followed([path], lambda: read_book(path))
        self._followed.current()
        self._said = ""

    def caller(self, context: _Context, method: str) -> Caller:
        """The caller, by its token."""
        token = token_of(context)
        if token is None:
            raise UnauthenticatedError("expected a token (authorization: Bearer …), got none")
        entry = self._book().find(token)
        if entry is None:
            raise UnauthenticatedError("the token is unknown to this server, or was revoked")
        return Caller(f"token:{entry.name}", entry.role)

    def lets_in(self, metadata: Any) -> bool:  # noqa: ANN401 (pairs)
        """Whether it has a token that is known."""
        try:
            token = token_in(metadata)
            return token is not None and self._followed.current().find(token) is not None
        except DscError:
            return False

    def _book(self) -> Book:
        try:
            book, self._said = self._followed.current(), ""
            return book
        except DscError as error:
            if str(error) != self._said:
                self._said = str(error)
                say(f"error: calls are refused: {error}")
            raise UnreachableError("this server cannot read its tokens now") from error
