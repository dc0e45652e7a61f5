"""TLS files of both sides of a connection: certificates, keys, and the authorities (CAs) to trust."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import grpc

from dsc_common.cli.streams import say
from dsc_common.errors import DscError, InvalidInputError
from dsc_common.files.followed import Followed


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of a service or a client: its certificate chain and private key."""

    certificate: Path
    key: Path

    def pair(self) -> tuple[bytes, bytes]:
        """(key, certificate chain) as PEM.

        Raises:
            DscError: a file cannot be read or is not what it should be, or the key is of another certificate.
        """
        pair = (_read(self.key), _read(self.certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key, password=_refuse_password)
        except (ssl.SSLError, ValueError) as error:
            raise DscError(
                f"cannot use the TLS certificate {self.certificate} with the key {self.key}: "
                f"{self._fault(error)}"
            ) from error
        return pair

    def _fault(self, error: Exception) -> str:
        if isinstance(error, _EncryptedKeyError):
            return "the key is encrypted; expected a key without a password"
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            return "the key is not the key of this certificate"
        for path, label, noun in (
            (self.certificate, b"CERTIFICATE-----", "certificate"),
            (self.key, b"PRIVATE KEY-----", "private key"),
        ):
            if label not in path.read_bytes():
                return f"{path} holds no {noun} (PEM)"
        return "a file is damaged"


@dataclass(frozen=True)
class ServerTls:
    """TLS of a service.

    Attributes:
        files: certificate and key.
        client_ca: PEM file of the CAs that issue the certificates of clients; None: clients need none.
    """

    files: TlsFiles
    client_ca: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Credentials of the service, which take renewed files for the connections that come after.

        Raises:
            DscError: a file cannot be read or is not what it should be, or the key is of another certificate.
        """
        paths = [
            self.files.certificate,
            self.files.key,
            *([] if self.client_ca is None else [self.client_ca]),
        ]
        renewing = _Renewing(Followed(paths, self._configuration))
        needs_certificate = self.client_ca is not None
        credentials: grpc.ServerCredentials = grpc.dynamic_ssl_server_credentials(
            renewing.first,
            renewing.next,  # type: ignore[arg-type]  # None: no change
            require_client_authentication=needs_certificate,
        )
        return credentials

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        trusted = None if self.client_ca is None else _certificates(self.client_ca)
        return grpc.ssl_server_certificate_configuration([self.files.pair()], trusted)


class _Renewing:
    """The certificates of a service, from files that may be replaced while it runs."""

    def __init__(self, followed: Followed[grpc.ServerCertificateConfiguration]) -> None:
        self._followed = followed
        self.first = self._used = followed.current()
        self._said = ""

    def next(self) -> grpc.ServerCertificateConfiguration | None:
        """At each handshake: what the files hold now; None if that is in use already, or unusable.

        Certificate and key are two files: between their renewals they do not fit, and the old pair stays.
        """
        try:
            now = self._followed.current()
        except (DscError, OSError) as error:
            if str(error) != self._said:
                self._said = str(error)
                say(f"note: the TLS files read before stay in use: {error}")
            return None
        if now is self._used:
            return None
        self._used, self._said = now, ""
        return now


def client_credentials(tls_ca: Path, files: TlsFiles | None = None) -> grpc.ChannelCredentials:
    """Credentials of a client.

    Args:
        tls_ca: PEM file of the CA certificates to trust.
        files: certificate and key of the client, for services that ask for them.

    Raises:
        DscError: a file cannot be read, or does not hold what it should.
    """
    key, chain = (None, None) if files is None else files.pair()
    return grpc.ssl_channel_credentials(_certificates(tls_ca), key, chain)


def _certificates(path: Path) -> bytes:
    """The CA certificates of a PEM file."""
    data = _read(path)
    try:
        ssl.create_default_context(cafile=str(path))
    except (ssl.SSLError, ValueError) as error:
        raise DscError(f"expected CA certificates (PEM) in {path}, got none that can be read") from error
    return data


class _EncryptedKeyError(ValueError):
    """A key needs a password."""


def _refuse_password() -> NoReturn:
    raise _EncryptedKeyError


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DscError(f"cannot read {path}: {error.strerror}") from error


def tls_files(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """Both files, or None if neither is named; InvalidInputError if only one is named."""
    if (certificate is None) != (key is None):
        raise InvalidInputError("expected both a TLS certificate and its key, got one of them")
    return None if certificate is None or key is None else TlsFiles(certificate, key)
