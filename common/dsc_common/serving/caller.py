"""Who makes a call: by its token, by its client certificate, or else by its address."""

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import grpc

from dsc_common.serving.roles import Role

_Context = grpc.aio.ServicerContext[Any, Any]
_NAMES = ("x509_common_name", "x509_subject_alternative_name")


@dataclass(frozen=True)
class Caller:
    """The caller of a call.

    Attributes:
        key: "token:NAME", "certificate:CN" or "address:IP".
        role: its rights; None where another service behind this one decides.
    """

    key: str
    role: Role | None

    def may(self, needed: Role) -> bool:
        """Whether it has the rights of a role."""
        return self.role is None or self.role.may(needed)


# Each call runs in a task of its own, and so in a context of its own.
_CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)


def set_caller(caller: Caller) -> None:
    """Keep the caller of the call that this task handles."""
    _CALLER.set(caller)


def caller_key(context: _Context) -> str:
    """The key of the caller: its token's if that was checked, else its certificate's, else its address."""
    known = _CALLER.get()
    return connection_key(context) if known is None else known.key


def connection_key(context: _Context) -> str:
    """The key by the connection alone: "certificate:CN", or "address:IP" without a client certificate."""
    attributes: Mapping[str, Iterable[bytes]] = context.auth_context() or {}
    for name in _NAMES:
        for value in attributes.get(name, ()):
            return f"certificate:{value.decode('utf-8', 'replace')}"
    return f"address:{_address_of(context.peer())}"


def _address_of(peer: str) -> str:
    """gRPC's "ipv4:1.2.3.4:567" or "ipv6:%5B::1%5D:567" without kind and port; any other text as it is."""
    kind, _, rest = peer.partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return peer
    return unquote(rest).rpartition(":")[0].strip("[]")
