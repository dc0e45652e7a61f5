"""A server interceptor that lets a call in, or refuses it, before the bytes of its request are decoded."""

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any

import grpc

from dsc_common.errors import PermissionDeniedError, UnauthenticatedError
from dsc_common.serving.access import Access
from dsc_common.serving.audit import Audit
from dsc_common.serving.caller import Caller, connection_key, set_caller
from dsc_common.serving.interceptor import (
    AnyHandler,
    ChangingInterceptor,
    Context,
    Handler,
    Method,
    rewrapped,
)
from dsc_common.serving.roles import Role

_OPEN = "/grpc.health."  # to whoever is connected
_READING = "/grpc.reflection."


class Authorisation(ChangingInterceptor):
    """Asks the rule of access about each call, but health checks.

    Args:
        access: the rule.
        needed: the role that the methods of a service need, by the full name of the service; a service that
            is not named needs the role admin.
        audit: gets each refusal, and each use of the role admin.
    """

    def __init__(self, access: Access, needed: Mapping[str, Role], audit: Audit) -> None:
        self._access, self._roles, self._audit = access, needed, audit

    def changed(self, handler: AnyHandler, details: grpc.HandlerCallDetails) -> Handler:
        """The handler of a call, which first checks the caller."""
        if details.method.startswith(_OPEN):
            return handler
        check = partial(self._check, details.method)
        if not self._access.lets_in(details.invocation_metadata):
            # As a stream, its request is not read: whoever has no token cannot fill the memory with it.
            return grpc.stream_unary_rpc_method_handler(partial(_refuse, check))
        return rewrapped(handler, partial(_preceded, check))

    def _check(self, method: str, context: Context) -> None:
        """Raise UnauthenticatedError or PermissionDeniedError unless the call may go on."""
        needed, caller = self._needed(method), None
        try:
            caller = self._access.caller(context, method)
            _require(caller, needed, method)
        except (UnauthenticatedError, PermissionDeniedError) as error:
            key, role = (caller.key, caller.role) if caller else (connection_key(context), None)
            self._audit.refused(key, role, method, context.peer(), str(error))
            raise
        set_caller(caller)
        if needed is Role.ADMIN:
            self._audit.used(caller, method, context.peer())

    def _needed(self, method: str) -> Role:
        if method.startswith(_READING):
            return Role.READ
        return self._roles.get(method.split("/")[1], Role.ADMIN)


def _require(caller: Caller, needed: Role, method: str) -> None:
    if not caller.may(needed):
        name = method.rpartition("/")[2]
        raise PermissionDeniedError(
            f"{name} needs the role {needed}, and {caller.key} has the role {caller.role}"
        )


async def _refuse(check: Callable[[Context], None], _requests: Any, context: Context) -> None:  # noqa: ANN401
    check(context)
    raise UnauthenticatedError("the token was not known when the call came")


def _preceded(check: Callable[[Context], None], method: Method) -> Method:
    """A method of the same kind, after a check that may refuse the call."""

    async def call(request: Any, context: Context) -> Any:  # noqa: ANN401 (any message)
        check(context)
        return await method(request, context)

    async def stream(request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ANN401 (any message)
        check(context)
        async for message in method(request, context):
            yield message

    return stream if inspect.isasyncgenfunction(method) else call
