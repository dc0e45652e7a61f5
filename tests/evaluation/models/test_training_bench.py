"""`dsc-eval bench training`: each query is measured once before and once after, and the gain is paired."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery
from dsc_common.features.images import load_pixels
from dsc_common.progress import untracked
from dsc_eval.models import training_bench
from dsc_eval.models.folds import folds_of
from dsc_eval.models.training_settings import TrainingBenchSettings
from helpers.tiny_torch import tiny_photo_network, write_groups

SETTINGS = TrainingBenchSettings(
    folds=2, epochs=1, longest_side=48, rate=1e-3, negatives=2, queries=6, pool=20, held_out=0.3
)
GROUPS, OF_GROUP = 8, 3


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    folder = write_groups(tmp_path_factory.mktemp("photos") / "a", GROUPS, OF_GROUP)
    photos = [folder / f"group{group:02}" / f"{n}.png" for group in range(GROUPS) for n in range(OF_GROUP)]
    shown = [photo for number, photo in enumerate(photos) if number % OF_GROUP]
    queries = [
        EvaluationQuery(
            photos[OF_GROUP * group], None, frozenset({2 * group, 2 * group + 1}), frozenset(), f"{group}"
        )
        for group in range(GROUPS)
    ]
    return Benchmark("made", shown, queries)


def feature(path: Path) -> np.ndarray:
    with torch.no_grad():
        found: np.ndarray = tiny_photo_network()(torch.from_numpy(load_pixels(path, 48)))[0][0].numpy()
    return found


def precisions_before(part: Benchmark) -> list[float]:
    database = np.stack([feature(path) for path in part.database])
    found = []
    for query in part.queries:
        order = sorted(range(len(database)), key=lambda n: -float(database[n] @ feature(query.path)))
        ranks = [rank for rank, image in enumerate(order, 1) if image in query.positives]
        found.append(sum(hits / rank for hits, rank in enumerate(ranks, 1)) / len(query.positives))
    return found


def test_rows_of_folds_and_of_all(benchmark: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_bench, "build_backbone", lambda _name: tiny_photo_network())
    said: list[str] = []
    *folds, everything = training_bench.rows_of(benchmark, SETTINGS, said.append, untracked)
    expected = [precisions_before(fold.test) for fold in folds_of(benchmark, 2)]
    assert [row["mAP_before"] for row in folds] == pytest.approx(
        [np.mean(part) for part in expected], abs=1e-5
    )
    assert [row["queries"] for row in (*folds, everything)] == [4, 4, 8]
    assert everything["mAP_before"] == pytest.approx(np.mean([*expected[0], *expected[1]]), abs=1e-5)
    assert everything["mAP"] == pytest.approx(np.mean([row["mAP"] for row in folds]), abs=1e-5)
    for row in (*folds, everything):
        assert row["gain"] == pytest.approx(row["mAP"] - row["mAP_before"], abs=2e-6)
        assert row["gain_low"] <= row["gain"] <= row["gain_high"]
    assert [line for line in said if line.startswith("fold")] == ["fold 1 of 2", "fold 2 of 2"]
    assert all(row["loss_last"] > 0 and row["best_epoch"] in (0, 1) for row in folds)
