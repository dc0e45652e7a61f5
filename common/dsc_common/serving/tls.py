"""TLS files of a server, and credentials of a client that trusts a certificate authority (CA)."""

from dataclasses import dataclass
from pathlib import Path

import grpc

from dsc_common.errors import DscError, InvalidInputError


def credentials(tls_ca: Path) -> grpc.ChannelCredentials:
    """Credentials that trust the CA certificates of a PEM file; DscError if it cannot be read."""
    try:
        return grpc.ssl_channel_credentials(tls_ca.read_bytes())
    except OSError as error:
        raise DscError(f"cannot read {tls_ca}: {error.strerror}") from error


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of a server: its certificate chain and private key."""

    certificate: Path
    key: Path


def tls_files(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """Both files, or None if neither is named; InvalidInputError if only one is named."""
    if (certificate is None) != (key is None):
        raise InvalidInputError("expected both a TLS certificate and its key, got one of them")
    return None if certificate is None or key is None else TlsFiles(certificate, key)
