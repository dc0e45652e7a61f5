"""Photos of the services that a load test starts: a ground truth's, or those of the demonstration."""

import subprocess
import sys
import tempfile
from pathlib import Path

from dsc_common.cli.streams import say
from dsc_common.errors import DscError
from dsc_eval.offline.benchmark_data import BenchmarkData, load_benchmark_data
from dsc_eval.options import DEFAULT_BACKBONE

_LIMIT_S = 600.0


def own_data(ground_truth: str | None, model: Path | None) -> BenchmarkData:
    """Features of the database and of the queries.

    Args:
        ground_truth: a file, or NAME:DIR; None: the demonstration's gallery.
        model: an exported network in place of the usual one.

    Raises:
        DscError: photos cannot be read, or the demonstration is not installed.
    """
    if ground_truth is not None:
        return load_benchmark_data(ground_truth, DEFAULT_BACKBONE, model)[0]
    with tempfile.TemporaryDirectory() as folder:
        gallery = Path(folder) / "gallery"
        say("photos: those of the demonstration")
        _write_gallery(gallery)
        return load_benchmark_data(str(gallery / "ground_truth.json"), DEFAULT_BACKBONE, model)[0]


def _write_gallery(out: Path) -> None:
    """Run `dsc-demo gallery`: the evaluation does not import the demonstration."""
    command = [sys.executable, "-m", "dsc_demo", "gallery", "--out", str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise DscError(f"dsc-demo gallery failed; the extra `demo` is needed, or --ground-truth: {last}")
