"""Rules of access: who a caller is and may do, without tokens and where tokens are passed on."""

from typing import Any, Protocol

import grpc

from dsc_common.errors import UnauthenticatedError
from dsc_common.serving.bearer import has_token, token_of
from dsc_common.serving.caller import Caller, connection_key
from dsc_common.serving.roles import Role

_Context = grpc.aio.ServicerContext[Any, Any]


class Access(Protocol):
    """A rule of access."""

    def caller(self, context: _Context, method: str) -> Caller:
        """The caller of a call; UnauthenticatedError if the rule does not let it in."""

    def lets_in(self, metadata: Any) -> bool:  # noqa: ANN401 (pairs)
        """Whether the token of a call, if it has one, lets it in; known before its request is read."""


class OpenAccess:
    """Whoever is connected has the rights of a device: with mutual TLS, who has a client certificate.

    A token is refused, since nobody here can check it: a channel that asks for tokens relies on that.
    """

    def caller(self, context: _Context, method: str) -> Caller:
        """The caller, by its connection."""
        if token_of(context) is not None:
            raise UnauthenticatedError("this server has no tokens to check a token with: set --tokens FILE")
        return Caller(connection_key(context), Role.DEVICE)

    def lets_in(self, metadata: Any) -> bool:  # noqa: ANN401
        """Whether it has no token."""
        return not has_token(metadata)


class RelayAccess:
    """The service behind decides, by the authorization that is passed on.

    Args:
        require_token: refuse calls without a token, and reflection, since nobody behind checks its token.
    """

    def __init__(self, *, require_token: bool) -> None:
        self._require_token = require_token

    def caller(self, context: _Context, method: str) -> Caller:
        """The caller, by its connection."""
        if self._require_token:
            if token_of(context) is None:
                raise UnauthenticatedError("expected a token (authorization: Bearer …), got none")
            if method.startswith("/grpc."):
                raise UnauthenticatedError("this service cannot check the token that it passes on")
        return Caller(connection_key(context), None)

    def lets_in(self, metadata: Any) -> bool:  # noqa: ANN401
        """Whether it has a token, if it needs one."""
        return not self._require_token or has_token(metadata)
