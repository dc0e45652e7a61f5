"""Benchmarks by name: `NAME:DIR` for a published data set, or a ground truth file of this project."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from dsc_common.benchmark.ground_truth import Benchmark, read_ground_truth
from dsc_common.errors import InvalidInputError
from dsc_eval.datasets.holidays import read_holidays
from dsc_eval.datasets.oxford import read_oxford5k, read_paris6k
from dsc_eval.datasets.revisited import Protocol, read_revisited
from dsc_eval.datasets.ukbench import read_ukbench, read_ukbench_leave_one_out

DATASETS: dict[str, Callable[[Path], Benchmark]] = {
    "oxford5k": read_oxford5k,
    "paris6k": read_paris6k,
    **{
        f"{name}-{protocol}": partial(read_revisited, name, protocol=protocol)
        for name in ("roxford5k", "rparis6k")
        for protocol in Protocol
    },
    "holidays": read_holidays,
    "ukbench": read_ukbench,
    "ukbench-leave-one-out": read_ukbench_leave_one_out,
}


def is_published(place: str) -> bool:
    """Whether this is `NAME:DIR` with a name of `DATASETS`, and not a file."""
    name, colon, _ = place.partition(":")
    return bool(colon) and name in DATASETS


def read_benchmark(place: str) -> Benchmark:
    """A benchmark: `NAME:DIR`, with a name of `DATASETS` and the folder of its files, or a JSON file.

    Raises:
        InvalidInputError: an unknown name, or what is there is not what is expected.
    """
    name, colon, folder = place.partition(":")
    if is_published(place) and folder:
        return DATASETS[name](Path(folder))
    if not place or name in DATASETS or (colon and not Path(place).exists()):
        raise InvalidInputError(
            f"expected a ground truth file, or NAME:DIR with a name of {', '.join(DATASETS)}; got {place!r}"
        )
    return read_ground_truth(Path(place))
