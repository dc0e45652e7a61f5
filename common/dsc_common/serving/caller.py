"""Who calls a service: the key by which its requests are counted."""

import ipaddress
from typing import Any
from urllib.parse import unquote

import grpc

_IPV6_NETWORK_BITS = 64  # what one subscriber has: it can take any address in it


def caller_key(context: "grpc.aio.ServicerContext[Any, Any]") -> str:
    """The caller of a call: "address:127.0.0.1"; the network of an IPv6 address."""
    return address_key(context.peer())


def address_key(peer: str) -> str:
    """gRPC's name of a peer, such as "ipv4:10.0.0.7:4711" or "ipv6:%5B::1%5D:4711" → "address:10.0.0.7"."""
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
