"""A TCP relay in front of a service: a link that can be cut, or stand still."""

import asyncio
import contextlib
import random
import threading
from collections import Counter
from collections.abc import Iterator

PIECE_BYTES = 1 << 14
UP_S, DOWN_S = 10.0, 4.0  # means of exponential distributions


class FailingLink:
    """Relays connections to an address; runs in the event loop that calls `serve`.

    Args:
        target: HOST:PORT of the service.

    Attributes:
        address: HOST:PORT to connect to.
        failures: how often the link was cut, and how often it stood still.
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._is_cut = False
        self.address = ""
        self.failures: Counter[str] = Counter()

    async def serve(self) -> None:
        """Begin to relay."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.address = "{}:{}".format(*server.sockets[0].getsockname())

    def cut(self) -> None:
        """Reset all connections, and refuse new ones until `mend`."""
        self.failures["cut"] += 1
        self._is_cut = True
        for writer in list(self._writers):
            writer.transport.abort()

    def stall(self) -> None:
        """Carry nothing until `mend`; connections stay open."""
        self.failures["stalled"] += 1
        self._flows.clear()

    def mend(self) -> None:
        """Relay again."""
        self._is_cut = False
        self._flows.set()

    async def fail_at_random(self, rng: random.Random) -> None:
        """Cut or stall now and then, until this task is cancelled; whole again then."""
        try:
            while True:
                await asyncio.sleep(rng.expovariate(1 / UP_S))
                rng.choice((self.cut, self.stall))()
                await asyncio.sleep(rng.expovariate(1 / DOWN_S))
                self.mend()
        finally:
            self.mend()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            self._writers.add(far_writer)
            ways = (self._relay(reader, far_writer), self._relay(far_reader, writer))
            tasks = [asyncio.create_task(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._writers.discard(far_writer)
            far_writer.transport.abort()
        self._writers.discard(writer)
        writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE_BYTES):
            await self._flows.wait()
            writer.write(piece)
            await writer.drain()


@contextlib.contextmanager
def failing_links(targets: tuple[str, ...], seed: int) -> Iterator[tuple[list[FailingLink], threading.Event]]:
    """Links that fail at random in a thread; they are whole once the event is set."""
    loop, whole = asyncio.new_event_loop(), threading.Event()
    links: list[FailingLink] = []

    async def begin() -> None:
        for target in targets:
            links.append(FailingLink(target))
            await links[-1].serve()

    async def fail() -> None:
        rngs = [random.Random(f"{seed}/{number}") for number in range(len(links))]
        tasks = [asyncio.create_task(link.fail_at_random(rng)) for link, rng in zip(links, rngs, strict=True)]
        await asyncio.to_thread(whole.wait)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    loop.run_until_complete(begin())
    thread = threading.Thread(target=lambda: (loop.run_until_complete(fail()), loop.run_forever()))
    thread.start()
    try:
        yield links, whole
    finally:
        whole.set()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
