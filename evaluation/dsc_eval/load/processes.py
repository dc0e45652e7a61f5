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
    """Of a process and those that it started; None where it has ended, or may not be looked at."""
    members = list(_family(pid))
    try:
        threads = {int(task.name): _cpu_s(task / "stat") for each in members for task in _tasks(each)}
        return Usage(
            sum(_cpu_s(PROC / str(each) / "stat") for each in members),
            threads,
            sum(_rss_bytes(each) for each in members),
            sum(len(list((PROC / str(each) / "fd").iterdir())) for each in members),
        )
    except (OSError, ValueError, IndexError):
        return None


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
    with suppress(OSError):
        for task in _tasks(pid):
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _tasks(pid: int) -> list[Path]:
    return list((PROC / str(pid) / "task").iterdir())


def _cpu_s(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def _rss_bytes(pid: int) -> int:
    return int((PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE_BYTES
