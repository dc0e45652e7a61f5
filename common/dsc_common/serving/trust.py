"""Which CA file belongs to an address, by the environment variables of server, channel and device."""

from collections.abc import Mapping
from pathlib import Path

from dsc_common.serving.address import parse_address

SERVER, CHANNEL = "127.0.0.1:50051", "127.0.0.1:50052"
# Variables of an address, its default, and the file to trust for it.
_PEERS = (
    ("DSC_DEVICE_SERVER", SERVER, "DSC_DEVICE_SERVER_TLS_CA"),
    ("DSC_DEVICE_CHANNEL", CHANNEL, "DSC_DEVICE_CHANNEL_TLS_CA"),
    ("DSC_CHANNEL_SERVER", SERVER, "DSC_CHANNEL_SERVER_TLS_CA"),
)
# A service that is checked in its container: its port, and its certificate, which is trusted itself.
_LISTENING = (
    ("DSC_SERVER_LISTEN", SERVER, "DSC_SERVER_TLS_CERTIFICATE"),
    ("DSC_CHANNEL_LISTEN", CHANNEL, "DSC_CHANNEL_TLS_CERTIFICATE"),
)


def trusted_file(address: str, environment: Mapping[str, str]) -> Path | None:
    """The PEM file of certificates to trust for a service; None: it is called without TLS.

    Args:
        address: HOST:PORT of the service.
        environment: environment variables.

    Raises:
        InvalidInputError: an address is not HOST:PORT.
    """
    for variable, default, file in _PEERS:
        if environment.get(file) and (environment.get(variable) or default) == address:
            return Path(environment[file])
    for variable, default, file in _LISTENING:
        port = parse_address(environment.get(variable) or default)[1]
        if environment.get(file) and port == parse_address(address)[1]:
            return Path(environment[file])
    return None
