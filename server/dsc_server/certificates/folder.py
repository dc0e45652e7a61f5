"""The folder of certificates: one folder below it for each role, with all that the role needs and no more.

authority/  ca.pem  ca-key.pem                 stays where certificates are made
server/     ca.pem  certificate.pem  key.pem   and the same in channel/ and device/
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from dsc_common.errors import DscError
from dsc_common.files.lock import locked
from dsc_common.files.whole_file import write_whole
from dsc_server.certificates.authority import Authority, hosts_of

ROLES = ("server", "channel", "device")
SERVING = ("server", "channel")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_RENEWED_BELOW = 1 / 3  # of the lifetime: a monthly job renews certificates of 90 days in time
_SECRET, _FOLDER = 0o600, 0o700


@dataclass(frozen=True)
class Made:
    """What was done about the certificate of a role.

    Attributes:
        role: the role.
        why: why a new one was made; empty if the old one stays.
        ends: when the certificate of the role expires.
        hosts: names and addresses that it is for.
    """

    role: str
    why: str
    ends: datetime
    hosts: list[str]


def make_certificates(folder: Path, hosts: Sequence[str], days: float, *, renew: bool) -> Iterator[Made]:
    """Make the authority if there is none, and the certificates that are missing, unusable or near their end.

    Args:
        folder: the folder of all roles.
        hosts: names and addresses of server and channel, beside those of this machine for itself; empty:
            those of the certificates that are there, if the authority has issued them.
        days: lifetime of new certificates.
        renew: make new ones in any case.

    Raises:
        DscError: the authority is incomplete, damaged or expired.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("authority", *ROLES):
        (folder / name).mkdir(mode=_FOLDER, exist_ok=True)
    with locked(folder / "authority" / ".lock", f"another process is making certificates in {folder}"):
        authority = _authority(folder / "authority")
        for role in ROLES:
            yield _make(folder / role, role, authority, hosts, days, renew=renew)


def _authority(folder: Path) -> Authority:
    certificate, key = folder / "ca.pem", folder / "ca-key.pem"
    if not certificate.exists() and not key.exists():
        made = Authority.new()
        write_whole(key, made.key_pem, _SECRET)
        write_whole(certificate, made.pem)
        return made
    try:
        return Authority.of(certificate.read_bytes(), key.read_bytes())
    except FileNotFoundError as error:
        raise DscError(f"the authority lacks {error.filename}; without it, remove the other file") from error
    except (ValueError, TypeError) as error:
        raise DscError(f"cannot use the authority in {folder}: {error}") from error


def _make(
    folder: Path, role: str, authority: Authority, hosts: Sequence[str], days: float, *, renew: bool
) -> Made:
    held = _held(folder)
    names = _names(held, authority, hosts) if role in SERVING else []
    why = _fault(held, authority, names) or ("asked for" if renew else "")
    if (folder / "ca.pem").exists() and (folder / "ca.pem").read_bytes() == authority.pem and not why:
        return Made(role, "", _certificate_of(held).not_valid_after_utc, names)
    write_whole(folder / "ca.pem", authority.pem)
    if why:
        issued = authority.issue(role, names, days)
        write_whole(folder / "key.pem", issued.key, _SECRET)
        write_whole(folder / "certificate.pem", issued.certificate)
        held = _held(folder)
    return Made(role, why or "trusts the authority again", _certificate_of(held).not_valid_after_utc, names)


_Held = tuple[x509.Certificate, bool] | None


def _held(folder: Path) -> _Held:
    """The certificate of a role, and whether its key is there; None if there is none that can be read."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), password=None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return certificate, key.public_key() == certificate.public_key()


def _certificate_of(held: _Held) -> x509.Certificate:
    if held is None:
        raise DscError("the certificate that was just made is gone")
    return held[0]


def _names(held: _Held, authority: Authority, hosts: Sequence[str]) -> list[str]:
    """The names for a service: those given, else those that the authority has once confirmed."""
    if not hosts and held is not None and authority.has_issued(held[0]):
        hosts = hosts_of(held[0])  # of any other certificate, they would be names that nobody here has chosen
    return list(dict.fromkeys([*hosts, *LOOPBACK]))


def _fault(held: _Held, authority: Authority, hosts: Sequence[str]) -> str:
    """Why a certificate is to be replaced; empty if it is not."""
    if held is None:
        return "new"
    certificate, has_key = held
    if not authority.has_issued(certificate):
        lost = set(hosts_of(certificate)) - set(hosts)
        return "it was of another authority" + ("; --host names other hosts" if lost else "")
    if not has_key:
        return "its key was of another certificate"
    if set(hosts_of(certificate)) != set(hosts):
        return "it was for other names"
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return "near its end" if left < life * _RENEWED_BELOW else ""
