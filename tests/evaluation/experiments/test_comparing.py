"""What is written beside a CSV: paired differences over the same queries, and the spread over index seeds."""

import csv
import hashlib
import json
import math
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dsc_common.errors import InvalidInputError
from dsc_eval.experiments import compare, fig3
from dsc_eval.experiments.comparing import paired_rows, seed_rows
from dsc_eval.experiments.fig3 import Fig3Settings
from dsc_eval.experiments.running import EXPERIMENTS, settings_of
from dsc_eval.measures.paired import paired_difference
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance
from dsc_eval.output import Row
from dsc_eval.scored_rows import ScoredRow
from helpers.one_set import run_experiment
from helpers.small_benchmark import QUERIES, mean_average_precision

SCHEMES = ["dsc-pq", "dsc-shared+M=8", "exhaustive"]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def scored(scheme: str, precisions: dict[int, float]) -> ScoredRow:
    mean = sum(precisions.values()) / len(precisions)
    row: Row = {"scheme": scheme, "database": 90, "simulated": 0, "mAP": mean, "recall": mean, "queries": 9}
    return ScoredRow(row | {"dataset": "d", "network": "n"}, precisions)


def test_pairs_are_over_the_queries_that_both_were_asked(data: BenchmarkData) -> None:
    rows = [
        scored("a", {0: 1.0, 1: 0.5, 2: 0.25}),
        scored("b", {0: 0.5, 2: 0.75, 5: 0.1}),
        scored("c", {7: 1.0}),
    ]
    [row] = paired_rows(EXPERIMENTS["compare"], [rows], data, 0)
    assert (row["scheme"], row["other_scheme"], row["queries"]) == ("a", "b", 2)
    assert (row["mAP"], row["other_mAP"], row["difference"]) == (0.625, 0.625, 0)
    assert row["p"] == 1


def test_each_query_counts_with_its_mean_over_the_seeds(data: BenchmarkData) -> None:
    runs = [[scored("a", {0: 1.0, 1: 0.5}), scored("b", {0: 0.5, 1: 0.5})]]
    runs.append([scored("a", {0: 0.0, 1: 0.5}), scored("b", {0: 0.5, 1: 0.5})])
    [row] = paired_rows(EXPERIMENTS["compare"], runs, data, 0)
    assert (row["difference"], row["seeds"]) == (0, 2)


def test_compare_writes_the_paired_comparisons(data: BenchmarkData, tmp_path: Path) -> None:
    settings = settings_of("compare", None, schemes=SCHEMES)
    rows = run_experiment("compare", data, settings, Provenance("gt.json", "tiny"), tmp_path)
    paired = read(tmp_path / "metrics.paired.csv")
    pairs = [(SCHEMES[0], SCHEMES[1]), (SCHEMES[0], SCHEMES[2]), (SCHEMES[1], SCHEMES[2])]
    assert [(row["scheme"], row["other_scheme"]) for row in paired] == pairs
    scored = {str(row["scheme"]): row for row in rows if isinstance(row, ScoredRow)}
    for row in paired:
        values = [list(scored[row[name]].precisions.values()) for name in ("scheme", "other_scheme")]
        expected = paired_difference(*values, 0, data.groups())
        assert float(row["difference"]) == pytest.approx(expected.interval.mean, abs=1e-6)
        assert float(row["difference_low"]) == pytest.approx(expected.interval.low, abs=1e-6)
        assert float(row["p"]) == pytest.approx(expected.p, abs=1e-6)
        assert float(row["mAP"]) == pytest.approx(float(scored[row["scheme"]]["mAP"]), abs=2e-6)
        assert (row["queries"], row["seeds"], row["dataset"]) == (str(QUERIES), "1", "small")


def test_over_noise_only_points_of_one_snr_are_compared(data: BenchmarkData) -> None:
    settings = Fig3Settings(
        schemes=["dsc-pq"], receivers=["hard", "default"], snr_db=[0.0, 9.0], draws=2, modes=["bpsk", "qpsk"]
    )
    rows = list(fig3.run(data, settings))
    paired = list(paired_rows(fig3.EXPERIMENT, [rows], data, 0))
    assert len(paired) == 2 * 6  # pairs of four curves, at two points
    by_point = {(row["mode"], row["receiver"], row["snr_db"]): row["mAP"] for row in rows}
    for row in paired:
        first = by_point[row["mode"], row["receiver"], row["snr_db"]]
        other = by_point[row["other_mode"], row["other_receiver"], row["snr_db"]]
        assert row["difference"] == pytest.approx(float(first) - float(other), abs=3e-6)


def test_several_seeds_of_the_index_give_mean_and_spread(data: BenchmarkData, tmp_path: Path) -> None:
    names = ["duc-ivf-pq+K=9", "dsc-raw"]
    settings = settings_of("compare", None, schemes=names, seed=4, seeds=3)
    rows = run_experiment("compare", data, settings, Provenance("gt.json", "tiny"), tmp_path)
    assert [row["scheme"] for row in rows] == names  # of the first seed
    first, raw = read(tmp_path / "metrics.seeds.csv")
    expected = [mean_average_precision(data, names[0], 5, seed) for seed in (4, 5, 6)]
    assert len(set(expected)) > 1
    assert float(first["mAP_mean"]) == pytest.approx(sum(expected) / 3, abs=1e-6)
    assert float(first["mAP_std"]) == pytest.approx(statistics.stdev(expected), abs=1e-6)
    assert (float(first["mAP_min"]), float(first["mAP_max"])) == pytest.approx(
        (min(expected), max(expected)), abs=1e-6
    )
    assert (first["seeds"], first["first_index_seed"], first["queries"]) == ("3", "4", str(QUERIES))
    assert float(raw["mAP_std"]) == 0  # no k-means, no rotation
    assert {row["seeds"] for row in read(tmp_path / "metrics.paired.csv")} == {"3"}


def test_seeds_beyond_the_largest_are_refused_before_the_work() -> None:
    settings_of("compare", None, index_seed=(1 << 31) - 3, seeds=3)
    with pytest.raises(
        InvalidInputError, match="expected index seeds below 2147483648, got 4 from 2147483645"
    ):
        settings_of("compare", None, index_seed=(1 << 31) - 3, seeds=4)


def test_the_noise_is_that_of_the_seed_whatever_the_index(data: BenchmarkData) -> None:
    some = {"schemes": ["dsc-raw"], "modes": ["analog"], "receivers": ["hard"], "snr_db": [5.0], "draws": 2}
    [one] = fig3.run(data, Fig3Settings.model_validate(some))
    [other] = fig3.run(data, Fig3Settings.model_validate(some | {"index_seed": 9}))
    [further] = fig3.run(data, Fig3Settings.model_validate(some | {"seed": 9}))
    assert one == other  # an index without anything random
    assert one["mAP"] != further["mAP"]


def test_a_row_that_only_some_seeds_have_counts_those() -> None:
    runs = [[scored("a", {0: 1.0}), scored("b", {0: 0.5})], [scored("b", {0: 1.0})]]
    a, b = seed_rows(EXPERIMENTS["compare"], runs, 0)
    assert (a["seeds"], a["mAP_std"], b["seeds"], b["mAP_mean"]) == (1, "", 2, 0.75)


def test_the_json_is_of_the_files_beside_it(data: BenchmarkData, tmp_path: Path) -> None:
    where = Provenance("gt.json", "tiny")
    run_experiment("compare", data, settings_of("compare", None, schemes=SCHEMES, seeds=2), where, tmp_path)
    record = json.loads((tmp_path / "metrics.json").read_text())
    files = {"metrics.csv": record["csv_sha256"], **record["beside_sha256"]}
    assert set(files) == {"metrics.csv", "metrics.seeds.csv", "metrics.paired.csv"}
    for name, digest in files.items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    # A run with one scheme and one seed leaves no file of the earlier one behind.
    run_experiment("compare", data, settings_of("compare", None, schemes=["dsc-raw"]), where, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.csv", "metrics.json"]
    assert json.loads((tmp_path / "metrics.json").read_text())["beside_sha256"] == {}


def test_a_run_is_added_to_an_earlier_one_and_both_are_described(data: BenchmarkData, tmp_path: Path) -> None:
    where = Provenance("gt.json", "tiny")
    for schemes, seed in ((["dsc-raw", "duc-ivf-pq+K=9"], 0), (["exhaustive", "duc-ivf-pq+K=9"], 3)):
        settings = settings_of("compare", None, schemes=schemes, seed=seed)
        run_experiment("compare", data, settings, where, tmp_path, append=True)
    rows = read(tmp_path / "metrics.csv")
    assert [row["scheme"] for row in rows] == ["dsc-raw", "duc-ivf-pq+K=9", "exhaustive"]
    expected = mean_average_precision(data, "duc-ivf-pq+K=9", 5, 3)
    assert float(rows[1]["mAP"]) == pytest.approx(expected, abs=1e-6)
    record = json.loads((tmp_path / "metrics.json").read_text())
    assert record["csv_sha256"] == hashlib.sha256((tmp_path / "metrics.csv").read_bytes()).hexdigest()
    [earlier] = record["earlier_runs"]
    assert [run["settings"]["seed"] for run in (earlier, record)] == [0, 3]
    assert [run["rows"] for run in (earlier, record)] == [2, 2]
    run_experiment("compare", data, settings_of("compare", None, schemes=["dsc-raw"]), where, tmp_path)
    assert len(read(tmp_path / "metrics.csv")) == 1  # without append, nothing is kept
    assert "earlier_runs" not in json.loads((tmp_path / "metrics.json").read_text())


def test_a_run_that_is_stopped_leaves_no_description_of_another(
    data: BenchmarkData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, settings = Provenance("gt.json", "tiny"), settings_of("compare", None, schemes=SCHEMES)
    run_experiment("compare", data, settings, where, tmp_path)

    def stopped(data: BenchmarkData, settings: compare.CompareSettings) -> Iterator[Row]:
        yield from list(compare.run(data, settings))[:1]
        raise KeyboardInterrupt

    monkeypatch.setitem(EXPERIMENTS, "compare", replace(compare.EXPERIMENT, run=stopped))
    with pytest.raises(KeyboardInterrupt):
        run_experiment("compare", data, settings, where, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]
    assert len(read(tmp_path / "metrics.csv")) == 1


def test_of_two_runs_into_the_same_files_the_second_is_refused(
    data: BenchmarkData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, settings = Provenance("gt.json", "tiny"), settings_of("compare", None, schemes=["dsc-raw"])

    def with_another(data: BenchmarkData, settings: compare.CompareSettings) -> Iterator[Row]:
        with pytest.raises(InvalidInputError, match=r"another run is writing .*metrics\.csv; --name"):
            run_experiment("compare", data, settings, where, tmp_path)
        yield from compare.run(data, settings)

    monkeypatch.setitem(EXPERIMENTS, "compare", replace(compare.EXPERIMENT, run=with_another))
    run_experiment("compare", data, settings, where, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.csv", "metrics.json"]


def test_an_added_run_that_is_stopped_keeps_the_description_of_the_earlier_ones(
    data: BenchmarkData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = Provenance("gt.json", "tiny")
    first, second, third = (
        settings_of("compare", None, schemes=[name]) for name in ("dsc-raw", "exhaustive", "duc-ivf-pq+K=9")
    )
    run_experiment("compare", data, first, where, tmp_path)

    def stopped(data: BenchmarkData, settings: compare.CompareSettings) -> Iterator[Row]:
        yield from compare.run(data, settings)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(EXPERIMENTS, "compare", replace(compare.EXPERIMENT, run=stopped))
        with pytest.raises(KeyboardInterrupt):
            run_experiment("compare", data, second, where, tmp_path, append=True)
    assert set(json.loads((tmp_path / "metrics.json").read_text())) == {"earlier_runs"}
    run_experiment("compare", data, third, where, tmp_path, append=True)
    assert len(read(tmp_path / "metrics.csv")) == 3
    record = json.loads((tmp_path / "metrics.json").read_text())
    assert [run["settings"]["schemes"] for run in record["earlier_runs"]] == [["dsc-raw"]]


def test_a_csv_that_a_spreadsheet_has_written_is_added_to(data: BenchmarkData, tmp_path: Path) -> None:
    where = Provenance("gt.json", "tiny")
    chosen = {"schemes": ["dsc-raw"], "modes": ["analog"], "receivers": ["hard"], "draws": 1}
    settings = settings_of("fig3", None, **chosen, snr_db=[0.0, math.inf])
    run_experiment("fig3", data, settings, where, tmp_path)
    text = (tmp_path / "fig3.csv").read_text()
    assert text.count(",0.0,") >= 1
    (tmp_path / "fig3.csv").write_text(text.replace(",0.0,", ",0,"), encoding="utf-8-sig")
    run_experiment("fig3", data, settings, where, tmp_path, append=True)
    assert (tmp_path / "fig3.csv").read_text() == text


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("scheme,", "colour,scheme,", r"has the column colour, which rows of compare lack"),
        ("\ndsc-raw,", "\ndsc-raw,1,", r"has a row with more cells than columns"),
        (",self,", ",other,", r"has rows of the dataset other, not self; --name"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_nothing_changes(
    before: str, after: str, line: str, data: BenchmarkData, tmp_path: Path
) -> None:
    data = replace(data, benchmark=replace(data.benchmark, name="self"), network="tiny")
    where, settings = Provenance("gt.json", "tiny"), settings_of("compare", None, schemes=["dsc-raw"])
    run_experiment("compare", data, settings, where, tmp_path)
    text = (tmp_path / "metrics.csv").read_text()
    assert before in text
    (tmp_path / "metrics.csv").write_text(text.replace(before, after, 1))
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InvalidInputError, match=line):
        run_experiment("compare", data, settings, where, tmp_path, append=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_what_cannot_be_added_to_is_one_line(data: BenchmarkData, tmp_path: Path) -> None:
    where, settings = Provenance("gt.json", "tiny"), settings_of("compare", None, schemes=["dsc-raw"])
    (tmp_path / "metrics.csv").write_text("colour,mAP\nred,1\n")
    with pytest.raises(InvalidInputError, match=r"metrics\.csv lacks the column scheme$"):
        run_experiment("compare", data, settings, where, tmp_path, append=True)
    (tmp_path / "metrics.csv").unlink()
    for text in ("[]", '{"earlier_runs": 5}', "[" * 100_000, "no JSON"):
        (tmp_path / "metrics.json").write_text(text)
        with pytest.raises(InvalidInputError, match=r"metrics\.json does not describe a run"):
            run_experiment("compare", data, settings, where, tmp_path, append=True)
    decoding = settings_of("decoding", None)
    with pytest.raises(InvalidInputError, match="rows of decoding have no key to be merged by"):
        run_experiment("decoding", data, decoding, where, tmp_path, append=True)


RESULTS = Path(__file__).parents[3] / "results"
ROWS_INSIDE = {"bench", "device", "load", "training"}  # folders whose JSON files have their rows inside
WITH_CSV = [path for path in sorted(RESULTS.rglob("*.json")) if path.parent.name not in ROWS_INSIDE]


@pytest.mark.parametrize("path", WITH_CSV, ids=lambda path: path.stem)
def test_each_committed_json_describes_the_csv_beside_it(path: Path) -> None:
    record = json.loads(path.read_text())
    assert record["csv_sha256"] == hashlib.sha256(path.with_suffix(".csv").read_bytes()).hexdigest()
    for name, digest in record.get("beside_sha256", {}).items():
        assert hashlib.sha256(path.with_name(name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name != "decoding"])
def test_every_row_with_a_map_can_be_compared(name: str) -> None:
    experiment = EXPERIMENTS[name]
    assert experiment.compared
    needed = {*experiment.compared, *experiment.condition, "mAP", "mAP_trapezoidal", "groups", "queries"}
    assert needed | {"dataset", "network"} <= set(experiment.columns)


def test_recall_of_a_list_without_a_head_is_cut_where_asked(data: BenchmarkData) -> None:
    schemes = ["exhaustive", "duc-pq+M=8", "dsc-pq"]
    whole = list(compare.run(data, settings_of("compare", None, schemes=schemes)))
    cut = list(compare.run(data, settings_of("compare", None, schemes=schemes, recall_at=10)))
    assert [row["recall"] for row in cut[:2]] == [row["R@10"] for row in whole[:2]]
    assert [row["recall_at"] for row in cut] == [10, 10, ""]
    assert cut[2]["recall"] == whole[2]["recall"]
    assert [row["mAP"] for row in cut] == [row["mAP"] for row in whole]
