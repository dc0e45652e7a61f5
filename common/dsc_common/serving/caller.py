"""Who calls a service, by token, client certificate or address: its rights, and a key to count by."""

import ipaddress
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import grpc

from dsc_common.serving.roles import Role

_IPV6_NETWORK_BITS = 64  # what one subscriber has: it can take any address in it
_NAMES = ("x509_common_name", "x509_subject_alternative_name")
_Context = grpc.aio.ServicerContext[Any, Any]


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


# Each call runs in a separate task, and so in a separate context.
_CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)


def set_caller(caller: Caller) -> None:
    """Keep the caller of the call that this task handles."""
    _CALLER.set(caller)


def caller_key(context: _Context) -> str:
    """The caller of a call: "token:NAME" if a token was checked, else the `connection_key`."""
    known = _CALLER.get()
    return connection_key(context) if known is None else known.key


def connection_key(context: _Context) -> str:
    """The key by the connection alone: "certificate:CN", or `address_key` without a client certificate."""
    attributes: Mapping[str, Iterable[bytes]] = context.auth_context() or {}
    for name in _NAMES:
        for value in attributes.get(name, ()):
            return f"certificate:{value.decode('utf-8', 'replace')}"
    return address_key(context.peer())


def address_key(peer: str) -> str:
    """gRPC's name of a peer, such as "ipv4:10.0.0.7:4711" or "ipv6:%5B::1%5D:4711" → "address:10.0.0.7".

    Of an IPv6 address the key is its network.
    """
    family, _, rest = unquote(peer).partition(":")
    host = rest.rpartition(":")[0].strip("[]").partition("%")[0]
    if family not in {"ipv4", "ipv6"}:
        return f"address:{family}"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"address:{host}"
    if isinstance(address, ipaddress.IPv4Address):
        return f"address:{address}"
    if address.ipv4_mapped is not None:
        return f"address:{address.ipv4_mapped}"
    network = ipaddress.ip_network((address, _IPV6_NETWORK_BITS), strict=False)
    return f"address:{network}"
