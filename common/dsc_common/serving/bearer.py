"""Tokens of requests, `authorization: Bearer TOKEN`: sent from a file, read from metadata."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc

from dsc_common.errors import DscError, SettingError, UnauthenticatedError
from dsc_common.serving.address import Peer, is_loopback

HEADER = "authorization"
MAX_TOKEN_BYTES = 4096
_TOKEN = re.compile(rb"[!-~]+")
Metadata = Sequence[tuple[str, str]]
_Context = grpc.aio.ServicerContext[Any, Any]


def bearer(peer: Peer) -> Metadata:
    """The metadata of requests to a peer: its token, as the file has it now; empty without a file.

    Raises:
        SettingError: the token would be sent in the clear beyond this machine.
        DscError: the file cannot be read, or holds no token.
    """
    if peer.token_file is None:
        return ()
    if is_in_the_clear(peer):
        raise SettingError(
            f"a token is not sent in the clear to the {peer}: expected TLS, set its CA certificates"
        )
    return ((HEADER, f"Bearer {_read(peer.token_file)}"),)


def is_in_the_clear(peer: Peer) -> bool:
    """Whether others may read what is sent to a peer."""
    return peer.tls_ca is None and (peer.use_proxy or not is_loopback(peer.address))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            token = file.read(MAX_TOKEN_BYTES + 1).strip()
    except OSError as error:
        raise DscError(f"cannot read the token file {path}: {error.strerror}") from error
    if len(token) > MAX_TOKEN_BYTES or not _TOKEN.fullmatch(token):
        raise DscError(f"expected a token and nothing else in {path}, got other text")
    return token.decode()


def has_token(metadata: Any) -> bool:  # noqa: ANN401 (pairs)
    """Whether a call with this metadata has an authorization, of whatever form."""
    return bool(_values(metadata))


def passed_on(context: _Context) -> Metadata:
    """The authorization of a call, unread, as metadata for the service behind."""
    return tuple((HEADER, value) for value in _values(context.invocation_metadata()))


def token_of(context: _Context) -> str | None:
    """The token of a call; None if it has no authorization.

    Raises:
        UnauthenticatedError: its authorization is no token.
    """
    return token_in(context.invocation_metadata())


def token_in(metadata: Any) -> str | None:  # noqa: ANN401 (pairs, of a type that differs with the kind of call)
    """`token_of` a call with this metadata."""
    values = _values(metadata)
    if not values:
        return None
    scheme, _, token = values[0].partition(" ")
    token = token.strip(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not _TOKEN.fullmatch(token.encode()):
        raise UnauthenticatedError("expected one authorization of the form 'Bearer TOKEN', got another")
    return token


def _values(metadata: Any) -> list[str]:  # noqa: ANN401
    pairs = metadata or ()
    return [value if isinstance(value, str) else "" for key, value in pairs if key == HEADER]
