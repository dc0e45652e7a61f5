"""Cores of the processes of a measurement: where there are two, the load generator has one for itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Cores:
    """Numbers of the cores of each process.

    Attributes:
        generator: of the load generators.
        server: of the server.
        channel: of the channel.
    """

    generator: frozenset[int]
    server: frozenset[int]
    channel: frozenset[int]

    def columns(self) -> dict[str, str]:
        """Columns of a row, such as "1" and "0"."""
        return {f"{name}_cores": " ".join(map(str, sorted(cores))) for name, cores in vars(self).items()}


def assigned(available: frozenset[int], generators: int = 1) -> Cores:
    """The last core for the generator, the one before it for the channel, all others for the server.

    With two cores the channel shares the server's, with one all share it.

    Args:
        available: cores to assign.
        generators: number of generator processes, each with a core as long as one is left for the services.
    """
    first, *rest = sorted(available)
    generator = frozenset(rest[-generators:] or [first])
    channel = frozenset(rest[: -len(generator)][-1:] or [first])
    server = available - generator - channel
    return Cores(generator, server or frozenset([first]), channel)


def available_cores() -> frozenset[int]:
    """Cores that this process may use."""
    return frozenset(os.sched_getaffinity(0))


@contextmanager
def on_cores(cores: frozenset[int]) -> Iterator[None]:
    """Processes that this thread starts in the block run on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
