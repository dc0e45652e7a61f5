"""One run of `dsc-device query` as a process, with one core: its answers, its start, and its memory."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsc_common.errors import DscError
from dsc_eval.bench.memory_group import MemoryGroup
from dsc_eval.load.cores import on_cores

_ONE_THREAD = {name: "1" for name in ("DSC_DEVICE_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


@dataclass(frozen=True)
class DeviceRun:
    """What a device printed and needed.

    Attributes:
        answers: the objects of its JSON lines.
        first_answer_s: seconds from the start of the process to the first of them.
        peak_bytes: its largest resident set.
    """

    answers: list[dict[str, Any]]
    first_answer_s: float
    peak_bytes: int


def run_device(
    photos: Sequence[Path],
    server: str,
    channel: str,
    cache: Path,
    core: int,
    group: MemoryGroup | None = None,
) -> DeviceRun:
    """Send photos, in one process.

    Args:
        photos: are sent in their order.
        server: HOST:PORT of the server.
        channel: HOST:PORT of the channel.
        cache: folder of downloads.
        core: that the process may use.
        group: that the process joins.

    Raises:
        DscError: a photo has no answer.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DSC_")}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
        peak = Path(folder) / "peak"
        watched = [sys.executable, "-m", "dsc_eval.bench.watched_device", str(peak)]
        joined = str(group.folder) if group is not None else ""
        places = ["--server", server, "--channel", channel, "--cache", str(cache)]
        begun = time.perf_counter()
        with on_cores(frozenset([core])):
            process = subprocess.Popen(
                [*watched, joined, "query", "--json", *places, *map(str, photos)],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**environment, **_ONE_THREAD},
            )
        with process:
            assert process.stdout is not None  # noqa: S101 - a pipe, as asked for
            lines = [process.stdout.readline()]
            first_answer_s = time.perf_counter() - begun
            lines += process.stdout
        if process.returncode:
            errors.seek(0)
            reason = (errors.read().splitlines() or [f"it ended with {process.returncode}"])[-1]
            raise DscError(f"the device failed: {reason}")
        return DeviceRun([json.loads(line) for line in lines], first_answer_s, int(peak.read_text()))
