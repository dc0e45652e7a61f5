"""What training gains: mAP of queries whose groups it has not seen, before and after, fold by fold."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery
from dsc_common.benchmark.metrics import mean
from dsc_common.progress import Track
from dsc_eval.measures.paired import paired_difference
from dsc_eval.models.folds import Fold, folds_of
from dsc_eval.models.training_settings import TrainingBenchSettings
from dsc_eval.output import Row
from dsc_model.backbones.registry import build_backbone
from dsc_model.training.describing import describe_photos
from dsc_model.training.feature_network import FeatureNetwork
from dsc_model.training.photo_reader import PhotoReader
from dsc_model.training.settings import TrainingSettings
from dsc_model.training.sources.from_benchmark import training_set_of
from dsc_model.training.splitting import split
from dsc_model.training.training import LOG, Training, train
from dsc_model.training.tuples import Photo
from dsc_model.training.validation import precision_of

ALL = "all"
DIGITS = 6


def rows_of(
    benchmark: Benchmark, settings: TrainingBenchSettings, say: Callable[[str], None], track: Track[Any]
) -> Iterator[Row]:
    """A row for each fold, then one for all queries together."""
    before: list[float] = []
    after: list[float] = []
    minutes = 0.0
    folds = list(folds_of(benchmark, settings.folds))
    untouched: dict[Photo, NDArray[np.float32]] = {}
    for fold in folds:
        say(f"fold {fold.name}")
        start = time.monotonic()
        first, last, epochs = _measured(fold, settings, untouched, say, track)
        spent = (time.monotonic() - start) / 60
        yield _row(benchmark.name, fold.name, first, last, fold.test.queries, settings, spent) | {
            "database": len(fold.test.database),
            "trained_photos": len(fold.train.database),
            **epochs,
        }
        before, after, minutes = [*before, *first], [*after, *last], minutes + spent
    queries = [query for fold in folds for query in fold.test.queries]
    yield _row(benchmark.name, ALL, before, after, queries, settings, minutes)


def _measured(
    fold: Fold,
    settings: TrainingBenchSettings,
    untouched: dict[Photo, NDArray[np.float32]],
    say: Callable[[str], None],
    track: Track[Any],
) -> tuple[list[float], list[float], Row]:
    """Average precisions of the fold's queries before and after its training, and the log of its epochs.

    Features of the untouched network are kept in `untouched` for the folds that follow.
    """
    network = build_backbone(settings.backbone)
    data, validation = split(training_set_of(fold.train), settings.held_out, settings.seed)
    training = Training(settings.backbone, network, data, validation, _of_training(settings))
    with tempfile.TemporaryDirectory(prefix="dsc-training-") as folder:
        best = train(training, Path(folder), say=say, track=track)
        log = _epochs((Path(folder) / LOG).read_text().splitlines())
    first = _precisions(FeatureNetwork(network), fold.test, settings, untouched, track)
    return first, _precisions(FeatureNetwork(best), fold.test, settings, {}, track), log


def _of_training(settings: TrainingBenchSettings) -> TrainingSettings:
    shared = settings.model_dump(exclude={"backbone", "folds", "held_out", "test_side"})
    return TrainingSettings(**shared, checkpoint=10**9)


def _precisions(
    network: FeatureNetwork,
    benchmark: Benchmark,
    settings: TrainingBenchSettings,
    known: dict[Photo, NDArray[np.float32]],
    track: Track[Any],
) -> list[float]:
    """Average precision of each query by the features themselves; features that are not known are added."""
    photos = [*map(Photo, benchmark.database), *(Photo(query.path, query.box) for query in benchmark.queries)]
    new = [photo for photo in dict.fromkeys(photos) if photo not in known]
    reader = PhotoReader(settings.test_side or settings.longest_side, max_kept_bytes=0)
    if new:
        known.update(zip(new, describe_photos(network, new, reader, track, "testing"), strict=True))
    database, asked = np.split(np.stack([known[photo] for photo in photos]), [len(benchmark.database)])
    return [
        precision_of(feature, database, query.positives, query.junk)
        for feature, query in zip(asked, benchmark.queries, strict=True)
    ]


def _epochs(lines: Sequence[str]) -> Row:
    """Columns of the log of a training: its losses, and mAP of its validation before and at its best."""
    first, *trained = [json.loads(line) for line in lines]
    best = max([first, *trained], key=lambda epoch: float(epoch["validation_map"]))
    return {
        "loss_first": round(trained[0]["loss"], DIGITS),
        "loss_last": round(trained[-1]["loss"], DIGITS),
        "best_epoch": best["epoch"],
        "validation_before": round(first["validation_map"], DIGITS),
        "validation_best": round(best["validation_map"], DIGITS),
    }


def _row(
    dataset: str,
    fold: str,
    before: Sequence[float],
    after: Sequence[float],
    queries: Sequence[EvaluationQuery],
    settings: TrainingBenchSettings,
    minutes: float,
) -> Row:
    """mAP before and after, and the gain with its interval over groups of queries."""
    groups = None if len({query.group for query in queries}) == 1 else [query.group for query in queries]
    gain = paired_difference(after, before, settings.seed, groups)
    return {
        "dataset": dataset,
        "fold": fold,
        "queries": len(before),
        "mAP_before": round(mean(before), DIGITS),
        "mAP": round(mean(after), DIGITS),
        "gain": round(gain.interval.mean, DIGITS),
        "gain_low": round(gain.interval.low, DIGITS),
        "gain_high": round(gain.interval.high, DIGITS),
        "p": round(gain.p, DIGITS),
        "minutes": round(minutes, 2),
    }
