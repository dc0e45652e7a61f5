"""Store, link and sender of a command, opened together; and the sender in a thread beside other work."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dsc_common.cli.streams import say
from dsc_common.errors import DscError, SettingError
from dsc_common.features.extractor import Extractor
from dsc_device.codebooks.kept_kit import KitSource
from dsc_device.output import queued_answer_to_json
from dsc_device.places import require_folder
from dsc_device.results.writing import AnswerWriter, results_at
from dsc_device.sending.clock import ClockGate
from dsc_device.sending.sender import Sender, may_pass
from dsc_device.sending.uplink import Uplink
from dsc_device.settings import DeviceSettings
from dsc_device.store.queue import QueueLimits
from dsc_device.store.store import Store, open_store

NO_NETWORK = "the server's index has no network that reads photos"
_JOIN_S = 2.0


@dataclass(frozen=True)
class Running:
    """What a command with a queue works with."""

    store: Store
    uplink: Uplink
    sender: Sender

    def extractor(self) -> Extractor:
        """The network of the moment; SettingError if the index has none."""
        kit = self.uplink.kit
        if kit is None or kit.extractor is None:
            raise SettingError(NO_NETWORK)
        return kit.extractor


@contextlib.contextmanager
def running(
    settings: DeviceSettings,
    beat: Callable[[], None] = lambda: None,
    to_text: Callable[..., str] = queued_answer_to_json,
) -> Iterator[Running]:
    """Store, link and sender of these settings.

    Args:
        settings: where they are.
        beat: called as a sign of life.
        to_text: line of an answer.

    Raises:
        SettingError: something else is in the place of a folder.
        DscError: another process uses the store, or the results cannot be written.
        OSError: folders cannot be made.
    """
    require_folder(settings.cache, "downloads")
    results = results_at(settings.results)
    results.check()
    limits = QueueLimits(settings.queue_queries, settings.queue_mb << 20)
    has_tls = settings.server_tls_ca is not None or settings.channel_tls_ca is not None
    gate = ClockGate(settings.clock_wait_s) if has_tls else None
    with open_store(settings.state_folder, limits, say) as store:
        kits = KitSource(settings, store, say, beat)
        with Uplink(settings, kits, gate) as uplink:
            sender = Sender(store, AnswerWriter(store, results), uplink, say, beat, to_text)
            yield Running(store, uplink, sender)


@contextlib.contextmanager
def sending(sender: Sender, stopping: threading.Event, wake: threading.Event) -> Iterator[None]:
    """Send in a thread while the block runs.

    Args:
        sender: the sender.
        stopping: set when the block ends, and by a failure of the sender.
        wake: set together with it.

    Raises:
        DscError: the sender failed; after the block.
        OSError: likewise.
    """
    failures: list[Exception] = []

    def run() -> None:
        try:
            sender.run(stopping)
        except Exception as error:  # raised in the other thread
            if not stopping.is_set():
                failures.append(error)
                stopping.set()
                wake.set()

    thread = threading.Thread(target=run, name="sender", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        sender.wake.set()
        thread.join(_JOIN_S)  # it may wait for an answer; nothing is lost when it ends with the process
    if failures:
        raise failures[0]


def until_stopped(
    running: Running,
    work: Callable[[threading.Event], None],
    wake: threading.Event,
    ready: Callable[[], None],
) -> None:
    """Send in a thread, and work beside it, once there is a network, until one of them ends.

    Args:
        running: what is sent with.
        work: runs until the event that it gets is set.
        wake: set together with that event by a failure of the sender.
        ready: called when the sender runs.

    Raises:
        SettingError: the index has no network.
        DscError: the sender failed.
        OSError: likewise.
    """
    stopping = threading.Event()
    running.uplink.load_kit()
    with sending(running.sender, stopping, wake):
        ready()
        while not stopping.is_set() and not running.uplink.has_kit.wait(0.2):
            pass
        if not stopping.is_set():
            running.extractor()
            work(stopping)


def send_what_can(running: Running) -> int:
    """Send what waits before further photos come; after a failure that may pass the rest stays in the queue.

    The number of queries that were refused.

    Raises:
        DscError: a failure that does not pass by itself.
    """
    try:
        return running.sender.send_all()
    except (DscError, OSError) as error:
        if not may_pass(error):
            raise
        return 0


def send_what_waits(running: Running) -> int:
    """Send until the queue is empty; the number of queries that were refused.

    Raises:
        DscError: there is no link; the line has the number of queries that wait.
    """
    try:
        return running.sender.send_all()
    except DscError as error:
        waiting = running.store.num_waiting()
        if not waiting or isinstance(error, SettingError):
            raise
        raise DscError(f"{error}; in the queue: {waiting:,}") from error
