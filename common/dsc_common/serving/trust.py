"""How a service is called for a health check, by the environment variables of server, channel and device."""

from collections.abc import Mapping
from pathlib import Path

from dsc_common.serving.address import Peer, parse_address

SERVER, CHANNEL = "127.0.0.1:50051", "127.0.0.1:50052"
# Variables of an address, its default, the file to trust for it, and prefixes of what is shown to it.
_PEERS = (
    ("DSC_DEVICE_SERVER", SERVER, "DSC_DEVICE_SERVER_TLS_CA", ("DSC_DEVICE_TLS",)),
    ("DSC_DEVICE_CHANNEL", CHANNEL, "DSC_DEVICE_CHANNEL_TLS_CA", ("DSC_DEVICE_TLS",)),
    (
        *("DSC_CHANNEL_SERVER", SERVER, "DSC_CHANNEL_SERVER_TLS_CA"),
        ("DSC_CHANNEL_SERVER_TLS", "DSC_CHANNEL_TLS"),
    ),
)
# A service that is checked in its container: its port; its certificate is trusted itself, and shown.
_LISTENING = (
    ("DSC_SERVER_LISTEN", SERVER, "DSC_SERVER_TLS_CERTIFICATE", ("DSC_SERVER_TLS",)),
    ("DSC_CHANNEL_LISTEN", CHANNEL, "DSC_CHANNEL_TLS_CERTIFICATE", ("DSC_CHANNEL_TLS",)),
)


def checked_peer(address: str, environment: Mapping[str, str]) -> Peer:
    """A service with the certificates to trust, and the certificate to show; without TLS if none are set.

    Args:
        address: HOST:PORT of the service.
        environment: environment variables.

    Raises:
        InvalidInputError: an address is not HOST:PORT.
    """
    for variable, default, file, shown in _PEERS:
        if environment.get(file) and (environment.get(variable) or default) == address:
            return _peer(address, environment, file, shown)
    for variable, default, file, shown in _LISTENING:
        port = parse_address(environment.get(variable) or default)[1]
        if environment.get(file) and port == parse_address(address)[1]:
            return _peer(address, environment, file, shown)
    return Peer("service", address)


def _peer(address: str, environment: Mapping[str, str], trusted: str, shown: tuple[str, ...]) -> Peer:
    for prefix in shown:
        files = [environment.get(f"{prefix}_{name}") for name in ("CERTIFICATE", "KEY")]
        if all(files):
            certificate, key = (Path(str(file)) for file in files)
            return Peer("service", address, Path(environment[trusted]), False, certificate, key)
    return Peer("service", address, Path(environment[trusted]))
