"""Whether a program is still writing a file: a read lease of Linux is refused while one has it open.

That includes files that are mapped into memory for writing. Leases exist on local file systems, for files of
the user; for others the answer is None.
"""

import contextlib
import errno
import fcntl
import os
import signal
import stat
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_DEVICE = 2  # the field of a line with the device, MAJOR:MINOR
_REMOTE = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "fuse", "glusterfs", "lustre", "virtiofs")


def ignore_lease_signal() -> None:
    """Ignore SIGIO, which a process gets when another opens a file that it holds a lease on."""
    signal.signal(signal.SIGIO, signal.SIG_IGN)


def has_writer(path: Path) -> bool | None:
    """Whether a program has a file open for writing; None if that cannot be found out.

    `ignore_lease_signal` must have been called.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return _lease_is_refused(descriptor)
        finally:
            os.close(descriptor)
    return None


def _lease_is_refused(descriptor: int) -> bool | None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or _is_remote(status.st_dev):
        return None
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _is_remote(device: int) -> bool:
    """Whether other machines may write a file system's files, without leases of this one in their way."""
    number = f"{os.major(device)}:{os.minor(device)}".encode()
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in _MOUNTS.read_bytes().splitlines():
            fields = line.split()
            if fields[_DEVICE] == number:
                kind = fields[fields.index(b"-") + 1].decode("ascii", "replace")
                return kind.startswith(_REMOTE)
    return True  # of btrfs and others, which give files another device than the mount
