"""A querier with its connections: codebooks from a server, queries through a channel."""

import contextlib
from collections.abc import Iterator

from dsc_common.cli.streams import say
from dsc_common.radio.link import LinkChoice
from dsc_common.retrieval.options import RetrievalOptions
from dsc_device.client import open_channel
from dsc_device.codebooks.configured import connect, load_kit
from dsc_device.encoder_kit import EncoderKit
from dsc_device.places import require_folder
from dsc_device.querying import Querier
from dsc_device.settings import DeviceSettings


@contextlib.contextmanager
def open_querier(settings: DeviceSettings, link: LinkChoice, options: RetrievalOptions) -> Iterator[Querier]:
    """A querier for the index of the server; it changes to a new index when the server does.

    Raises:
        SettingError: something else is in the place of the cache.
        DscError: server or channel do not answer within `wait_s`, or the server's files are damaged.
        OSError: the cache cannot be written.
    """
    require_folder(settings.cache, "downloads")

    def fetch() -> EncoderKit:
        with connect(settings) as client:
            return load_kit(client, settings, say)

    kit = fetch()
    with open_channel(settings.channel_peer, settings.wait_s) as client:
        yield Querier(kit, client, link, options, fetch, say)
