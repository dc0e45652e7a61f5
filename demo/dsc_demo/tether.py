"""Becomes another program after asking the kernel to kill it when its parent dies, however the parent dies.

Run as a script: `python tether.py PARENT_PID PROGRAM ARGUMENT…`. The wish survives `exec`. Where the kernel
knows no such wish (anywhere but on Linux) the program just starts.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def tether(parent_pid: int) -> None:
    """Ask for SIGKILL at the death of the parent; end at once if it is dead already."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit(1)


def main() -> None:
    """Tether this process, then become the program that the arguments name."""
    tether(int(sys.argv[1]))
    try:
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 (an argument list, no shell)
    except OSError as error:
        sys.stderr.write(f"cannot start {sys.argv[2]}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
