"""Addresses of services: HOST:PORT, with an IPv6 host in brackets."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from dsc_common.errors import InvalidInputError


@dataclass(frozen=True)
class Peer:
    """A service to connect to.

    Attributes:
        role: name of the service in error lines, such as "server".
        address: HOST:PORT.
        tls_ca: PEM file of the CA certificates to trust; None: no TLS.
        use_proxy: whether to connect through the HTTP proxy that the environment names, if it names one.
        tls_certificate: PEM file of the client's certificate chain, for services that ask for one.
        tls_key: PEM file of its private key.
        token_file: file of the token that is sent with each request; None: none is sent.
    """

    role: str
    address: str
    tls_ca: Path | None = None
    use_proxy: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    token_file: Path | None = None

    @property
    def tls_files(self) -> tuple[Path, ...]:
        """The files that a connection is made with; none without TLS."""
        files = (self.tls_ca, self.tls_certificate, self.tls_key)
        return () if self.tls_ca is None else tuple(file for file in files if file is not None)

    def __str__(self) -> str:
        return f"{self.role} at {self.address}"


_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\s:\[\]/]+):(?P<port>[0-9]{1,5})")
MAX_PORT = 65535


def parse_address(text: str) -> tuple[str, int]:
    """'HOST:PORT' → (host, port); InvalidInputError for any other form."""
    match = _ADDRESS.fullmatch(text)
    if match is None or not text.isprintable() or int(match["port"]) > MAX_PORT:
        raise InvalidInputError(f"expected an address HOST:PORT, got {text!r}")
    return match["host"], int(match["port"])


def format_address(host: str, port: int) -> str:
    """(host, port) → 'HOST:PORT'; the inverse of `parse_address`."""
    return f"{host}:{port}"


def is_loopback(address: str) -> bool:
    """Whether HOST:PORT can only be reached from this machine; any name but localhost may lead elsewhere."""
    host = parse_address(address)[0].strip("[]")
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    inner = getattr(number, "ipv4_mapped", None)
    return bool((inner or number).is_loopback)


def _checked(text: str) -> str:
    parse_address(text)
    return text


def _checked_peer(text: str) -> str:
    if parse_address(text)[1] == 0:
        raise InvalidInputError(f"expected an address HOST:PORT with a port from 1, got {text!r}")
    return text


# Types of settings: an address to listen on, where port 0 is any free port, and one to connect to.
ListenAddress = Annotated[str, AfterValidator(_checked)]
PeerAddress = Annotated[str, AfterValidator(_checked_peer)]
