"""Processes of this machine from /proc: processor time, memory, descriptors, and who serves an address."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dsc_common.serving.address import parse_address

PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_LISTENS = "0A"  # state of a socket in /proc/net/tcp
_LOOPBACK = ("127.", "[::1]", "localhost")


@dataclass(frozen=True)
class Usage:
    """What a process and those that it started use.

    Attributes:
        cpu_s: processor seconds so far, of all threads; the clock of Linux has steps of 10 ms.
        threads: processor seconds of each thread, by its number.
        rss_bytes: resident memory.
        descriptors: open file descriptors.
    """

    cpu_s: float
    threads: dict[int, float]
    rss_bytes: int
    descriptors: int


def usage(pid: int) -> Usage | None:
    """Of a process and those that it started; None where it has ended, or may not be looked at.

    Threads and started processes that end meanwhile are left out.
    """
    if _counts(pid) is None:
        return None
    family = list(_family(pid))
    threads = {int(task.name): _cpu_s(task) for each in family for task in _tasks(each)}
    counts = [count for each in family if (count := _counts(each)) is not None] or [(0.0, 0, 0)]
    cpu_s, rss_bytes, descriptors = zip(*counts, strict=True)
    return Usage(sum(cpu_s), threads, sum(rss_bytes), sum(descriptors))


def process_at(address: str) -> int | None:
    """Number of the process that listens on a loopback address; None if it is not found."""
    host, port = parse_address(address)
    if not host.startswith(_LOOPBACK):
        return None
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for folder in PROC.iterdir() if sockets else ():
        with suppress(OSError):
            if folder.name.isdecimal() and any(
                str(each.readlink()) in sockets for each in (folder / "fd").iterdir()
            ):
                return int(folder.name)
    return None


def _listening(port: int) -> Iterator[str]:
    """Inodes of the sockets that listen on a port."""
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == _LISTENS and int(words[1].rpartition(":")[2], 16) == port:
                    yield words[9]


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in _tasks(pid):
        with suppress(OSError):
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _tasks(pid: int) -> list[Path]:
    try:
        return list((PROC / str(pid) / "task").iterdir())
    except OSError:
        return []


def _counts(pid: int) -> tuple[float, int, int] | None:
    """Processor seconds, resident bytes and descriptors; None for one that has ended, or is not ours."""
    folder = PROC / str(pid)
    try:
        pages = int((folder / "statm").read_text().split()[1])
        descriptors = len(list((folder / "fd").iterdir()))
    except (OSError, IndexError):
        return None
    # One that has ended stays without memory until its parent has asked for its exit code.
    return (_cpu_s(folder), pages * _PAGE_BYTES, descriptors) if pages else None


def _cpu_s(folder: Path) -> float:
    """Of the process or thread of a folder; 0 where it has just ended."""
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
    except (OSError, IndexError):
        return 0.0
