"""`dsc-device` in a process that a benchmark watches: it may join a control group, and states its peak.

    python -m dsc_eval.bench.watched_device FILE GROUP QUERY…

FILE receives the largest resident set in bytes when the process ends; GROUP is a folder of a control group,
or empty. Nothing but the standard library is imported before the device.
"""

import atexit
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """The largest resident set of this process, without that of the process that started it (VmHWM)."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


def main(arguments: list[str]) -> None:
    """Join the group, run the device, and write the peak."""
    file, group, *query = arguments
    if group:
        (Path(group) / "cgroup.procs").write_text("0")  # this process
    atexit.register(lambda: Path(file).write_text(str(peak_bytes())))
    sys.argv = ["dsc-device", *query]
    from dsc_device.__main__ import main as device  # noqa: PLC0415 - in the group

    device()


if __name__ == "__main__":
    main(sys.argv[1:])
