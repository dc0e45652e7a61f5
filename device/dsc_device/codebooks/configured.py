"""Server and encoder of a device, as its settings have them."""

from contextlib import AbstractContextManager

from dsc_device.client import CodebookClient, open_server
from dsc_device.codebooks.cache import Say
from dsc_device.codebooks.download import fetch_encoder_kit
from dsc_device.encoder_kit import EncoderKit
from dsc_device.settings import DeviceSettings


def connect(settings: DeviceSettings) -> AbstractContextManager[CodebookClient]:
    """A client of the server, until the block ends."""
    return open_server(settings.server_peer, settings.wait_s)


def load_kit(client: CodebookClient, settings: DeviceSettings, say: Say) -> EncoderKit:
    """The encoder of a server's index; sub-codebooks that queries need later come over new connections.

    Raises:
        DscError: the server does not answer, or its files are damaged.
        OSError: the cache cannot be written.
    """
    return fetch_encoder_kit(
        client,
        settings.cache,
        settings.threads,
        say,
        settings.model,
        settings.codebooks,
        settings.cache_bytes,
        lambda: connect(settings),
    )
