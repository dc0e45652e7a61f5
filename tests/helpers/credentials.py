"""Certificates and tokens for tests, made by the commands that users run."""

from collections.abc import Sequence
from pathlib import Path

from dsc_common.serving.roles import Role
from dsc_server.certificates.folder import make_certificates
from dsc_server.tokens.book import changing, write_book

DAYS = 90.0


def certificates(folder: Path, days: float = DAYS, *, renew: bool = False, hosts: Sequence[str] = ()) -> Path:
    """A folder of certificates, as `dsc-server cert` makes it."""
    for _ in make_certificates(folder, hosts, days, renew=renew):
        pass
    return folder


def add_token(path: Path, name: str, role: Role) -> str:
    """A new token, as `dsc-server token add` makes it."""
    with changing(path) as book:
        changed, token = book.with_token(name, role)
        write_book(path, changed)
    return token


def revoke_token(path: Path, name: str) -> None:
    """As `dsc-server token revoke` does."""
    with changing(path) as book:
        write_book(path, book.without(name))


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
