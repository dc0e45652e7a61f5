"""The link of a device: the encoder kit of the server's index, and the channel that packets go through."""

import contextlib
import threading
from types import TracebackType
from typing import Self

from dsc_common.errors import UnknownCodebookError
from dsc_device.client import ChannelClient, open_channel
from dsc_device.codebooks.kept_kit import KitSource
from dsc_device.encoder_kit import EncoderKit
from dsc_device.querying import Answer, Querier, require_renewed
from dsc_device.sending.clock import ClockGate
from dsc_device.settings import DeviceSettings
from dsc_device.store.entry import Entry


class Uplink:
    """Connects when it is needed; a context manager. One thread sends, others use `kit`.

    Args:
        settings: addresses and time limits.
        kits: source of the encoder kits.
        gate: holds TLS back while the clock is wrong; None without TLS.
    """

    def __init__(self, settings: DeviceSettings, kits: KitSource, gate: ClockGate | None) -> None:
        self._settings, self._kits, self._gate = settings, kits, gate
        self._closing = contextlib.ExitStack()
        self._client: ChannelClient | None = None
        self._querier: Querier | None = None
        self._is_current = False
        self.has_kit = threading.Event()
        self.kit: EncoderKit | None = None

    def load_kit(self) -> bool:
        """Use the kit that the cache holds, without a link; whether there is one."""
        kit = self._kits.from_cache()
        if kit is not None:
            self._use(kit)
        return kit is not None

    def connect(self) -> EncoderKit:
        """Connect to server and channel, as far as that is not done; the kit of the server's index.

        Raises:
            DscError: there is no link.
            OSError: the cache cannot be written.
        """
        kit = self.fetch()
        if self._client is None:
            peer, wait_s = self._settings.channel_peer, self._settings.wait_s
            self._client = self._closing.enter_context(open_channel(peer, wait_s))
        if self._querier is None:
            self._querier = Querier(kit, self._client)
        return kit

    def fetch(self) -> EncoderKit:
        """The kit of the server's index, which is asked for once; errors as `connect`."""
        if self._gate is not None:
            self._gate.require()
        if self._is_current and self.kit is not None:
            return self.kit
        kit = self._use(self._kits.fetch(self.kit))
        self._is_current = True
        return kit

    def query(self, entry: Entry) -> Answer:
        """The answer to a query; `connect` comes first.

        Raises:
            UnknownCodebookError: the server has another index, see `renew`.
            DscError: channel or server refuse the packet or do not answer.
        """
        if self._querier is None:
            raise RuntimeError("not connected")
        return self._querier.query(entry.extraction, entry.request_id, link=entry.link, options=entry.options)

    def renew(self, error: UnknownCodebookError) -> None:
        """Get the kit of the server's new index.

        Raises:
            UnknownCodebookError: the server still has the index whose packets are refused.
            DscError: there is no link.
        """
        refused = self.kit
        kit = self._use(self._kits.fetch())
        if refused is not None:
            require_renewed(kit, refused, error)

    def _use(self, kit: EncoderKit) -> EncoderKit:
        self.kit = kit
        if self._querier is not None:
            self._querier.use(kit)
        self.has_kit.set()
        return kit

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()
