"""Data to train on, read by what it is: a folder, a ground truth (JSON), or SfM tuples (pickle)."""

from pathlib import Path

from dsc_common.benchmark.ground_truth import read_ground_truth
from dsc_common.errors import InvalidInputError
from dsc_model.training.sources.from_benchmark import training_set_of
from dsc_model.training.sources.groups import read_groups
from dsc_model.training.sources.sfm import PARTS, read_sfm
from dsc_model.training.tuples import TrainingSet

_TRAIN, _VALIDATION = PARTS


def read_data(path: Path) -> TrainingSet:
    """Read photos and their matches.

    Raises:
        InvalidInputError: there is nothing at the path, or it is no data of a known kind.
    """
    if path.is_dir():
        return read_groups(path)
    if path.suffix.lower() == ".json":
        return training_set_of(read_ground_truth(path))
    if path.suffix.lower() == ".pkl":
        return read_sfm(path, _TRAIN)
    if not path.exists():
        raise InvalidInputError(f"no such file or folder: {path}")
    raise InvalidInputError(
        f"expected a folder of groups, a ground truth (.json) or SfM tuples (.pkl), got {path}"
    )


def own_validation(path: Path) -> TrainingSet | None:
    """The part of the data that is published for validation; None where it has none.

    Raises:
        InvalidInputError: the data is damaged, or its photos are missing.
    """
    return read_sfm(path, _VALIDATION) if path.suffix.lower() == ".pkl" and path.is_file() else None
