"""TLS files of a server, and credentials of a client that trusts a certificate authority (CA)."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import grpc

from dsc_common.errors import DscError, InvalidInputError


def credentials(tls_ca: Path) -> grpc.ChannelCredentials:
    """Credentials that trust the CA certificates of a PEM file.

    Raises:
        DscError: the file cannot be read, or holds no certificate.
    """
    data = _read(tls_ca)
    try:
        ssl.create_default_context(cafile=str(tls_ca))
    except (ssl.SSLError, ValueError) as error:
        raise DscError(f"expected CA certificates (PEM) in {tls_ca}, got none that can be read") from error
    return grpc.ssl_channel_credentials(data)


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of a server: its certificate chain and private key."""

    certificate: Path
    key: Path

    def credentials(self) -> grpc.ServerCredentials:
        """Credentials of the server.

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
        return grpc.ssl_server_credentials([pair])

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
