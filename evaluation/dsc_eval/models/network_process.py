"""One network in a separate process, with one thread: milliseconds of each photo, and the memory.

    python -m dsc_eval.models.network_process MODEL PHOTO…

prints one JSON object. Nothing is imported that a device does not need for a photo.
"""

import json
import sys
import time
from pathlib import Path

from dsc_common.cli.streams import show
from dsc_common.features.extractor import Extractor
from dsc_common.features.images import load_pixels

_STATUS = Path("/proc/self/status")


def main(arguments: list[str]) -> None:
    """Run each photo twice: what a new size of photo prepares is not counted."""
    extractor = Extractor.from_file(Path(arguments[0]), threads=1)
    wall_ms, cpu_ms = [], []
    for photo in arguments[1:]:
        pixels = load_pixels(Path(photo), extractor.info.longest_side)
        extractor.run(pixels)
        wall, cpu = time.perf_counter(), time.process_time()
        extractor.run(pixels)
        cpu_ms.append(1e3 * (time.process_time() - cpu))
        wall_ms.append(1e3 * (time.perf_counter() - wall))
    show(json.dumps({"ms": wall_ms, "cpu_ms": cpu_ms, "peak_bytes": _peak_bytes()}))


def _peak_bytes() -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    main(sys.argv[1:])
