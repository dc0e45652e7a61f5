"""A private certificate authority (CA), and the certificates that it issues."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dsc_common.errors import DscError

AUTHORITY_DAYS = 3650
BACKDATED = timedelta(hours=1)  # a machine whose clock is slow accepts a new certificate too
_SERVING, _CALLING = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True)
class Authority:
    """A certificate authority: its certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls) -> "Authority":
        """A new authority, valid for ten years."""
        key = ec.generate_private_key(ec.SECP256R1())
        number = x509.random_serial_number()
        name = _name(f"dsc authority {number:x}"[:34])  # two authorities never have one name
        builder = (
            _builder(name, name, key.public_key(), AUTHORITY_DAYS, number)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(issues=True), critical=True)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def of(cls, certificate: bytes, key: bytes) -> "Authority":
        """The authority of PEM; ValueError if they are something else, or do not belong together."""
        private = serialization.load_pem_private_key(key, password=None)
        authority = x509.load_pem_x509_certificate(certificate)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError("expected a key of an elliptic curve")
        if private.public_key() != authority.public_key():
            raise ValueError("the key is not the key of this certificate")
        return cls(authority, private)

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """Its key, without a password."""
        return _key_pem(self.key)

    def issue(self, name: str, hosts: Sequence[str], days: float) -> Issued:
        """A certificate of this authority.

        Args:
            name: common name, by which a service names the caller.
            hosts: names and IP addresses of a service, which may also be a client; empty: of a client alone.
            days: lifetime; at most that of the authority.

        Raises:
            DscError: the authority has expired.
        """
        if self.certificate.not_valid_after_utc <= datetime.now(UTC):
            raise DscError("the authority has expired; remove its files, and make all certificates again")
        key = ec.generate_private_key(ec.SECP256R1())
        uses = [_SERVING, _CALLING] if hosts else [_CALLING]
        last = self.certificate.not_valid_after_utc
        builder = (
            _builder(_name(name), self.certificate.subject, key.public_key(), days, last=last)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(issues=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        signed = builder.sign(self.key, hashes.SHA256())
        return Issued(signed.public_bytes(serialization.Encoding.PEM), _key_pem(key))

    def has_issued(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate is from this authority."""
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except Exception:  # of a wrong issuer, a wrong signature, or an algorithm that is not known
            return False
        return True


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """The names and IP addresses that a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    days: float,
    number: int | None = None,
    last: datetime | None = None,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    end = now + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number() if number is None else number)
        .not_valid_before(now - BACKDATED)
        .not_valid_after(end if last is None else min(end, last))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(*, issues: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not issues,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
