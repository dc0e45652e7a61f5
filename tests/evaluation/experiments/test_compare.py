"""The table of the experiment `compare`, worked by hand on four images."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery, read_ground_truth
from dsc_common.errors import InvalidImageError, InvalidInputError
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.progress import untracked
from dsc_eval.experiments.compare import COLUMNS, run
from dsc_eval.experiments.resuming import sha256_of
from dsc_eval.experiments.running import settings_of
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance
from dsc_eval.output import Row
from dsc_model.whitening.file import Whitening, write_whitening
from dsc_server.scheme_specs import SCHEMES, UNCODED
from helpers.one_set import run_experiment
from helpers.whole_benchmark import extract_benchmark

ASKED = (
    "scheme,packet_bytes,queries,database,mAP,mAP_by_group,recall,R@1,R@10,R@100,candidates,"
    "spill,K,M,head_bytes"
)
K = 6


def at(degrees: float) -> np.ndarray:
    """A unit feature, F = 8, in the plane of its first two dimensions."""
    angle = np.deg2rad(degrees)
    return np.array([np.cos(angle), np.sin(angle), *[0] * 6], dtype=np.float32)


def asked(
    degrees: float, positives: set[int], group: str, junk: set[int]
) -> tuple[EvaluationQuery, Extraction]:
    # Labels 5, 4, 3, 2, 1 are the head; label 0 is not in it.
    probabilities = np.arange(K, dtype=np.float32)
    query = EvaluationQuery(Path("q"), None, frozenset(positives), frozenset(junk), group)
    return query, Extraction(at(degrees), probabilities)


def example() -> tuple[Benchmark, BenchmarkFeatures]:
    """Images 0 to 3 at 0, 10, 20 and 30 degrees; image 3 has label 0."""
    pairs = [
        asked(1, {0, 2}, "a", set()),  # order 0 1 2 3: (1/1 + 2/3) / 2
        asked(1, {1}, "a", {0}),  # 0 is junk: 1/1
        asked(29, {0}, "b", set()),  # order 3 2 1 0: 1/4; without 3: 1/3
        asked(29, {3}, "b", set()),  # 1; without 3 never found
    ]
    database = np.stack([at(10 * i) for i in range(4)])
    top_labels = np.array([[1], [2], [3], [0]])
    queries = [extraction for _, extraction in pairs]
    features = BenchmarkFeatures(database, top_labels, np.ones((4, 1), np.float32), queries, K)
    return Benchmark("hand", [Path(str(i)) for i in range(4)], [query for query, _ in pairs]), features


def compare(benchmark: Benchmark, features: BenchmarkFeatures, schemes: list[str]) -> list[Row]:
    settings = settings_of("compare", None, schemes=schemes)
    return list(run(BenchmarkData(benchmark, features), settings))


def worked(row: dict[str, str | int | float]) -> dict[str, str | int | float]:
    """The columns that are worked by hand."""
    return {key: row[key] for key in ASKED.split(",")[:11]}


def test_the_rows_by_hand() -> None:
    rows = compare(*example(), ["exhaustive", "dsc-raw"])
    assert worked(rows[0]) == pytest.approx(
        {
            "scheme": "exhaustive",
            "packet_bytes": 32,
            "queries": 4,
            "database": 4,
            "mAP": (5 / 6 + 1 + 1 / 4 + 1) / 4,
            "mAP_by_group": ((5 / 6 + 1) / 2 + (1 / 4 + 1) / 2) / 2,
            "recall": 1,
            "R@1": (1 / 2 + 1 + 0 + 1) / 4,
            "R@10": 1,
            "R@100": 1,
            "candidates": 4,
        },
        abs=1e-6,
    )
    assert worked(rows[1]) == pytest.approx(
        {
            "scheme": "dsc-raw",
            "packet_bytes": 3 + 32,  # 5 labels of 3 bits and 6 check bits
            "queries": 4,
            "database": 4,
            "mAP": (5 / 6 + 1 + 1 / 3 + 0) / 4,
            "mAP_by_group": ((5 / 6 + 1) / 2 + (1 / 3) / 2) / 2,
            "recall": 3 / 4,
            "R@1": (1 / 2 + 1 + 0 + 0) / 4,
            "R@10": 3 / 4,
            "R@100": 3 / 4,
            "candidates": 3,
        },
        abs=1e-6,
    )


def test_the_trapezoidal_mean_by_hand() -> None:
    [row] = compare(*example(), ["exhaustive"])
    # Ranks 1 and 3 of two; 1; 4; 1: half the sum of precision before and at each, by the number of positives.
    first = (1 + (1 / 2 + 2 / 3) / 2) / 2
    assert row["mAP_trapezoidal"] == pytest.approx((first + 1 + 1 / 8 + 1) / 4, abs=1e-6)
    assert row["n_s"] == ""  # no groups of four


def test_the_n_s_score_of_groups_of_four() -> None:
    # Two objects, each photo asks; the one at 40 degrees is nearer to the other object than to its own.
    degrees = [0, 1, 2, 40, 30, 31, 32, 33]
    groups = [frozenset(range(4)), frozenset(range(4, 8))]
    paths = [Path(str(i)) for i in range(8)]
    queries = [EvaluationQuery(paths[i], None, groups[i // 4], frozenset(), str(i // 4)) for i in range(8)]
    database = np.stack([at(angle) for angle in degrees])
    extractions = [Extraction(feature, np.ones(K, np.float32)) for feature in database]
    labels = np.zeros((8, 1), dtype=np.int64)
    features = BenchmarkFeatures(database, labels, np.ones((8, 1), np.float32), extractions, K)
    [row] = compare(Benchmark("eight", paths, queries), features, ["exhaustive"])
    # 0, 1, 2: each other and 30 degrees; 40: itself and 33, 32, 31; the four others: each other.
    assert row["n_s"] == pytest.approx((3 * 3 + 1 + 4 * 4) / 8)
    fewer = [replace(query, positives=query.positives - {3}) for query in queries]
    [row] = compare(
        Benchmark("eight", paths, [*fewer[:3], *fewer[4:]]),
        replace(features, queries=[*extractions[:3], *extractions[4:]]),
        ["exhaustive"],
    )
    assert row["n_s"] == 4  # of the group that is whole
    held_out = [replace(query, path=Path("elsewhere")) for query in queries]
    [row] = compare(Benchmark("eight", paths, held_out), features, ["exhaustive"])
    assert row["n_s"] == ""


def test_what_was_changed_of_a_scheme_is_in_its_row() -> None:
    benchmark, features = example()
    # Image 3's second label is 5, which is in the head: spilled, it is a candidate.
    features = replace(
        features, top_labels=np.array([[1, 0], [2, 0], [3, 0], [0, 5]]), top_probabilities=np.ones((4, 2))
    )
    names = ["dsc-pq+spill=2+M=4", "dsc-pq+spill=2+fused", "duc-pq+M=2", "dsc-shared", "duc-imi-raw+K=9"]
    columns = ("scheme", "spill", "ranking", "K", "subvectors", "head_bytes", "packet_bytes", "candidates")
    rows = compare(benchmark, features, names)
    assert [tuple(row[column] for column in columns) for row in rows[:4]] == [
        (names[0], 2, "squared-distance", 6, 4, 3, 3 + 5 * 4, 4),
        (names[1], 2, "estimate", 6, 8, 3, 3 + 5 * 8, 4),
        (names[2], 1, "squared-distance", 1, 2, 0, 2, 4),
        (names[3], 1, "estimate", 6, 40, 3, 3 + 40, 3),
    ]
    # 5 labels of 4 bits and 6 check bits
    assert tuple(rows[4][column] for column in columns[:7]) == (names[4], 1, "estimate", 9, 0, 4, 4 + 32)
    # The paper's M: bytes of codes, or numbers of a feature.
    assert [row["M"] for row in rows] == [5 * 4, 5 * 8, 2, 40, 8]
    for row in rows:
        assert 0 <= float(row["mAP_low"]) <= float(row["mAP"]) <= float(row["mAP_high"]) <= 1


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(
        InvalidInputError, match=r"^settings of compare: schemes: unknown scheme 'dsk'; expected "
    ):
        compare(*example(), ["dsc-pq", "dsk"])
    with pytest.raises(
        InvalidInputError, match=r"^scheme duc-ivf-pq: expected T \(labels in the head\) from 1 to 4, got 5$"
    ):
        compare(*example(), ["duc-ivf-pq"])  # four images make four cells
    with pytest.raises(InvalidInputError, match=r"^scheme dsc: expected 5 labels an image, got 1$"):
        compare(*example(), ["dsc"])


def test_groups_of_unequal_size_weigh_the_same() -> None:
    benchmark, features = example()
    fewer = Benchmark("hand", benchmark.database, benchmark.queries[:3])
    features = replace(features, queries=features.queries[:3])
    [row] = compare(fewer, features, ["exhaustive"])
    assert row["mAP"] == pytest.approx((5 / 6 + 1 + 1 / 4) / 3, abs=1e-6)
    assert row["mAP_by_group"] == pytest.approx(((5 / 6 + 1) / 2 + 1 / 4) / 2, abs=1e-6)


def test_the_csv_has_the_columns_that_were_asked_for(tmp_path: Path) -> None:
    settings = settings_of("compare", None, schemes=["exhaustive", "dsc-raw", "dsc-pq"], seed=3)
    path = tmp_path / "new" / "out" / "metrics.csv"
    for _ in range(2):
        rows = run_experiment(
            "compare", BenchmarkData(*example()), settings, Provenance("gt.json", "tiny"), path.parent
        )
        lines = path.read_text().splitlines()
        assert tuple(lines[0].split(",")) == COLUMNS
        assert set(ASKED.split(",")) <= set(COLUMNS)
        assert len(lines) == 4
        with path.open(newline="") as file:
            read = list(csv.DictReader(file))
        assert [row["scheme"] for row in read] == ["exhaustive", "dsc-raw", "dsc-pq"]
        assert float(read[0]["mAP"]) == rows[0]["mAP"]
        assert sorted(file.name for file in path.parent.iterdir()) == [
            "metrics.csv",
            "metrics.json",
            "metrics.paired.csv",
        ]
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["experiment"] == "compare"
    assert record["settings"] == settings.model_dump()
    assert record["data"]["simulated"] == [0]


def test_the_settings_that_ship_hold_every_scheme_that_sends_bits() -> None:
    assert settings_of("compare", None).schemes == [name for name in SCHEMES if name not in UNCODED]


def test_from_photos_to_the_table(tiny_model: Path, photos: Path, tmp_path: Path) -> None:
    # Each query is in the database: exhaustive search finds it first, and so does the packet.
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    queries = [{"image": name, "positives": [name]} for name in names]
    truth = {"name": "self", "images": [str(photos)], "queries": queries}
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    benchmark = read_ground_truth(tmp_path / "gt.json")
    features = extract_benchmark(benchmark, Extractor.from_file(tiny_model, threads=1), untracked)
    assert features.database.shape == (12, 16)
    for number, query in enumerate(features.queries):
        assert query.feature.tobytes() == features.database[number].tobytes()
        assert query.probabilities.argmax() == features.labels[number]
    for row in compare(benchmark, features, ["exhaustive", "dsc-raw", "dsc-pq"]):
        assert (row["mAP"], row["recall"], row["R@1"]) == (1, 1, 1)
        assert (row["queries"], row["database"]) == (12, 12)


def test_a_querys_box_is_what_is_asked_for(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "db" / "q.png")
    Image.fromarray(pixels[10:50, 20:70]).save(tmp_path / "db" / "part.png")
    query = {"image": "q.png", "box": [20, 10, 70, 50], "positives": ["part.png"]}
    truth = {"name": "box", "images": ["db"], "exclude_queries": True, "queries": [query]}
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    benchmark = read_ground_truth(tmp_path / "gt.json")
    extractor = Extractor.from_file(tiny_model)
    asked = extract_benchmark(benchmark, extractor, untracked).queries[0].feature
    photo = tmp_path / "db" / "q.png"
    assert asked.tobytes() == extractor.extract(photo, (20, 10, 70, 50)).feature.tobytes()
    assert asked.tobytes() != extractor.extract(photo).feature.tobytes()


def test_a_photo_that_cannot_be_read_stops_it(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("not a photo")
    benchmark = Benchmark("bad", [tmp_path / "a.jpg"], [])
    with pytest.raises(InvalidImageError, match=r"^not a photo [^\n]*a\.jpg$"):
        extract_benchmark(benchmark, Extractor.from_file(tiny_model), untracked)


def test_a_whitening_gives_a_further_row_of_each_scheme_with_a_rotation(tmp_path: Path) -> None:
    whitening = Whitening(np.zeros(8, np.float32), np.eye(8, dtype=np.float32), "a" * 64, "pairs", 9)
    write_whitening(tmp_path / "w", whitening)
    schemes = ["exhaustive", "dsc-shared+M=2+D=4"]
    settings = settings_of("compare", None, schemes=schemes, whitening=tmp_path / "w")
    recorded = settings.model_dump(mode="json")
    assert recorded["whitening_sha256"] == sha256_of(tmp_path / "w")
    assert str(tmp_path) not in json.dumps(recorded)
    data = BenchmarkData(*example())
    rows = [row["scheme"] for row in run(data, settings)]
    assert rows == ["exhaustive", "dsc-shared+M=2+D=4", "dsc-shared+M=2+D=4+whitening"]
    with pytest.raises(InvalidInputError, match="expected a whitening of the network bbbb"):
        list(run(replace(data, model_sha256="b" * 64), settings))


def test_a_file_that_is_no_whitening_is_refused_with_the_settings(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^settings of compare: whitening: cannot read [^\n]*$"):
        settings_of("compare", None, whitening=tmp_path / "none")
