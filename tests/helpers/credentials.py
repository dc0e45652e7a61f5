"""Certificates and tokens for tests, made as the commands make them, and clients that show them."""

from collections.abc import Sequence
from pathlib import Path

from dsc_common.radio.link import LinkChoice
from dsc_common.retrieval.options import RetrievalOptions
from dsc_common.serving.address import Peer
from dsc_common.serving.roles import Role
from dsc_demo.processes import ServiceProcess
from dsc_device.client import ChannelClient, open_channel
from dsc_server.certificates.folder import make_certificates
from dsc_server.index.files import read_index
from dsc_server.tokens.book import changing, write_book
from helpers.real_processes import System, packet_of

DAYS = 90.0


def certificates(folder: Path, days: float = DAYS, *, renew: bool = False, hosts: Sequence[str] = ()) -> Path:
    """A folder of certificates, as `dsc-server cert` makes it."""
    for _ in make_certificates(folder, hosts, days, renew=renew):
        pass
    return folder


def add_token(path: Path, name: str, role: Role) -> str:
    """A new token, as `dsc-server token add` makes it."""
    with changing(path) as (file, book):
        changed, token = book.with_token(name, role)
        write_book(file, changed)
    return token


def revoke_token(path: Path, name: str) -> None:
    """As `dsc-server token revoke` does."""
    with changing(path) as (file, book):
        write_book(file, book.without(name))


def serving(folder: Path) -> tuple[str | Path, ...]:
    """Options of a service with the certificate of a role's folder."""
    return ("--tls-certificate", folder / "certificate.pem", "--tls-key", folder / "key.pem")


def mutual(folder: Path) -> tuple[str | Path, ...]:
    """Options of a service that asks for certificates, too."""
    return (*serving(folder), "--tls-client-ca", folder / "ca.pem")


def showing(folder: Path) -> tuple[str | Path, ...]:
    """Options of a client that shows the certificate of a role's folder."""
    return serving(folder)


def trusting(folder: Path) -> tuple[str | Path, ...]:
    """Options of a client that trusts server and channel."""
    return ("--server-tls-ca", folder / "ca.pem", "--channel-tls-ca", folder / "ca.pem")


def local(service: ServiceProcess) -> str:
    """Its address on this machine."""
    return f"127.0.0.1:{service.address.rpartition(':')[2]}"


def peer(
    service: ServiceProcess, role: str, folder: Path, shown: Path | None = None, token: Path | None = None
) -> Peer:
    pair = (None, None) if shown is None else (shown / "certificate.pem", shown / "key.pem")
    return Peer(role, local(service), folder / "device/ca.pem", False, *pair, token)


def file_of(token: str, folder: Path) -> Path:
    path = folder / "token"
    path.write_text(f"{token}\n")
    return path


def transmit(client: ChannelClient, system: System) -> None:
    """Send a packet that the channel takes."""
    loaded = read_index(system.index)
    data = packet_of(loaded, [1, 2, 3, 4, 5]).data
    client.transmit(data, loaded.manifest.offer(), "id", 0, LinkChoice(), RetrievalOptions())


def transmit_to(channel: Peer, system: System) -> None:
    with open_channel(channel, 30) as client:
        transmit(client, system)
