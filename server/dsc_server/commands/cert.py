"""`dsc-server cert`: a private authority, and certificates for server, channel and devices."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of
from dsc_common.cli.streams import say
from dsc_common.errors import SettingError

MAX_DAYS = 3650.0
_HOST = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?|[0-9A-Fa-f:.]{2,45}")


def cert(
    folder: Annotated[Path, typer.Argument(parser=path_of, metavar="DIR", help="Folder of certificates.")],
    host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,…",
            help="Names or IP addresses by which clients reach server and channel; again for more. "
            "(default: localhost, or those of the authority's certificates in DIR)",
            show_default=False,
        ),
    ] = None,
    days: Annotated[
        float, typer.Option(min=0.001, max=MAX_DAYS, help="Lifetime of new certificates, in days.")
    ] = 90.0,
    renew: Annotated[bool, typer.Option("--renew", help="Make new certificates in any case.")] = False,
) -> None:
    """Make certificates for TLS on all links: an authority in DIR, and a folder each for its roles.

    Again, it renews those that have less than a third of their lifetime left, with the same authority.
    Running services take the new files for the connections that come after.
    """
    from dsc_server.certificates.folder import make_certificates  # noqa: PLC0415 (of this command alone)

    for made in make_certificates(folder, _hosts(host or []), days, renew=renew):
        names = f", for {', '.join(made.hosts)}" if made.hosts else ""
        done = f"made ({made.why})" if made.why else "kept"
        say(f"{made.role}: {done}, valid until {made.ends:%Y-%m-%d %H:%M} UTC{names}")


def _hosts(given: list[str]) -> list[str]:
    hosts = [host.strip().strip("[]") for text in given for host in text.split(",") if host.strip()]
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise SettingError(f"--host: expected a name or an IP address, got {host!r}")
    return [_normal(host) for host in hosts]


def _normal(host: str) -> str:
    """As certificates have it."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower()
