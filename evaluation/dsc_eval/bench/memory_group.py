"""A control group that limits memory: of version 2, or of version 1 where that has the controller."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dsc_common.errors import DscError

CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class _Version:
    """Where groups of a version are made, and the files of one: its limit, and its largest use so far."""

    parent: str
    has_memory: str
    limit: str
    peak: str
    swap_limit: str


_VERSIONS = (
    _Version(".", "cgroup.controllers", "memory.max", "memory.peak", "memory.swap.max"),
    _Version(
        *("memory", "memory/memory.limit_in_bytes", "memory.limit_in_bytes"),
        *("memory.max_usage_in_bytes", "memory.memsw.limit_in_bytes"),
    ),
)


@dataclass(frozen=True)
class MemoryGroup:
    """A group; a process joins it by writing "0" to its `cgroup.procs`.

    Attributes:
        folder: of the group.
        peak_file: holds the largest use so far.
    """

    folder: Path
    peak_file: Path

    def peak_bytes(self) -> int:
        """The most memory that its processes had together, with what files they had read."""
        return int(self.peak_file.read_text())


@contextmanager
def memory_group(limit_bytes: int, root: Path = CGROUPS) -> Iterator[MemoryGroup]:
    """A group whose processes have at most `limit_bytes` together, without swap, until the block ends.

    Raises:
        DscError: no group can be made here.
    """
    version = next((each for each in _VERSIONS if _has_memory(root, each)), None)
    if version is None:
        raise DscError("no control group of memory here")
    folder = root / version.parent / f"dsc-bench-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        raise DscError(f"cannot make a control group: {error.strerror}; only root may") from error
    try:
        for name in (version.limit, version.swap_limit):
            value = limit_bytes if name != "memory.swap.max" else 0
            if name == version.limit or (folder / name).exists():
                (folder / name).write_text(str(value))
        yield MemoryGroup(folder, folder / version.peak)
    except OSError as error:
        raise DscError(f"cannot limit memory: {error.strerror}: {folder}") from error
    finally:
        folder.rmdir()


def _has_memory(root: Path, version: _Version) -> bool:
    file = root / version.has_memory
    if not file.exists():
        return False
    return file.name != "cgroup.controllers" or "memory" in file.read_text().split()
