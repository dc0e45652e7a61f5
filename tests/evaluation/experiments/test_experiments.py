"""The experiments on a small benchmark: what their rows say against what the schemes do by themselves."""

import csv
import inspect
import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery
from dsc_common.errors import InvalidInputError
from dsc_eval import commands
from dsc_eval.commands import command_of
from dsc_eval.datasets.folder import with_distractors
from dsc_eval.experiments import beyond, compare, fig2, table1
from dsc_eval.experiments.databases import DatabaseSettings
from dsc_eval.experiments.fig2 import Fig2Settings
from dsc_eval.experiments.running import EXPERIMENTS, settings_of
from dsc_eval.main import app
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance
from dsc_eval.offline.measuring import index_bytes, queries_to_ask
from dsc_eval.offline.scheme import build_scheme
from dsc_server.scheme_specs import parse_scheme
from helpers.one_set import run_experiment
from helpers.small_benchmark import QUERIES, F, K, N, mean_average_precision


def test_fig2_has_a_row_per_head_size_and_one_for_a_scheme_without_a_head(data: BenchmarkData) -> None:
    settings = Fig2Settings(
        schemes=["dsc-pq", "dsc", "duc-ivf-raw+K=9", "exhaustive"], head_labels=[9, 1, 4, 12]
    )
    rows = list(fig2.run(data, settings))
    assert [(row["scheme"], row["head_labels"]) for row in rows] == [
        *(("dsc-pq", t) for t in (1, 4, 9, 12)),
        *(("dsc", t) for t in (1, 4, 9, 12)),
        *(("duc-ivf-raw+K=9", t) for t in (1, 4, 9)),  # no more labels than partitions
        ("exhaustive", ""),
    ]
    for row in rows:
        expected = mean_average_precision(data, str(row["scheme"]), int(row["head_labels"] or 1))
        assert row["mAP"] == pytest.approx(expected, abs=1e-6)
        assert float(row["mAP_low"]) <= float(row["mAP"]) <= float(row["mAP_high"])
        assert (row["queries"], row["database"], row["simulated"]) == (QUERIES, N, 0)
    sizes = {row["head_labels"]: row["packet_bytes"] for row in rows if row["scheme"] == "dsc-pq"}
    # T labels of 4 bits and 6 check bits in whole bytes, and T codes of 8 bytes.
    assert sizes == {t: -(-(4 * t + 6) // 8) + 8 * t for t in (1, 4, 9, 12)}


def test_table1_counts_simulated_images(data: BenchmarkData) -> None:
    settings = DatabaseSettings(schemes=["exhaustive", "dsc-pq", "dsc"], simulate=[0, 200])
    rows = list(table1.run(data, settings))
    assert [(row["scheme"], row["database"], row["simulated"]) for row in rows] == [
        (scheme, N + simulated, simulated) for simulated in (0, 200) for scheme in settings.schemes
    ]
    assert rows[0]["candidates"] == N
    assert rows[3]["candidates"] == N + 200
    assert rows[0]["recall"] == rows[3]["recall"] == 1
    assert float(rows[3]["mAP"]) <= float(rows[0]["mAP"])  # more to be confused with
    for row in rows:
        assert set(row) == set(table1.COLUMNS)
        assert int(row["index_bytes"]) > int(row["codebook_bytes"]) > 0


def test_table1_has_the_columns_of_the_papers_table(data: BenchmarkData) -> None:
    schemes = ["exhaustive", "duc-pq+M=8", "dsc-pq", "dsc-raw"]
    rows = list(table1.run(data, DatabaseSettings(schemes=schemes)))
    # Head: 5 labels of 4 bits and 6 check bits. M: numbers of a feature, or bytes of codes.
    head = -(-(5 * 4 + 6) // 8)
    assert [(row["head_bytes"], row["M"]) for row in rows] == [(0, F), (0, 8), (head, 5 * 8), (head, F)]
    compared = compare.run(data, settings_of("compare", None, schemes=schemes))
    for row, of_compare in zip(rows, compared, strict=True):
        for column in ("R@1", "R@10", "R@100", "mP@1", "mP@5", "mP@10", "mAP_trapezoidal"):
            assert row[column] == of_compare[column]
        scheme = build_scheme(parse_scheme(str(row["scheme"])), data.features, 5)
        pairs = zip(data.benchmark.queries, data.features.queries, strict=True)
        right = sum(scheme.rank(asked)[0] in query.positives for query, asked in pairs)
        assert row["mP@1"] == pytest.approx(right / QUERIES, abs=1e-6)


def test_beyond_is_asked_like_table1(data: BenchmarkData) -> None:
    settings = DatabaseSettings(schemes=["dsc-pq", "dsc-pq+spill=3+fused"])
    rows = list(beyond.run(data, settings))
    for row in rows:
        assert row["mAP"] == pytest.approx(mean_average_precision(data, str(row["scheme"]), 5), abs=1e-6)


def test_index_bytes_by_hand(data: BenchmarkData) -> None:
    scheme = build_scheme(parse_scheme("dsc-raw"), data.features, 5)
    # features (N, F) float32, entries and offsets int64, a codeword and two word offsets
    assert index_bytes(scheme.index) == 4 * N * F + 8 * N + 8 * (K + 1) + 4 * F + 2 * 8


def test_only_raw_features_against_a_large_database_ask_fewer_queries(data: BenchmarkData) -> None:
    whole = build_scheme(parse_scheme("exhaustive"), data.features, 5)
    head = build_scheme(parse_scheme("dsc-raw"), data.features, 5)
    assert queries_to_ask(whole, 100, 50_000, 10).tolist() == list(range(100))
    assert queries_to_ask(whole, 100, 50_001, 10).tolist() == list(range(0, 100, 11))
    assert queries_to_ask(whole, 5, 50_001, 10).tolist() == list(range(5))
    assert queries_to_ask(head, 100, 1_000_000, 10).tolist() == list(range(100))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_settings_that_ship_can_be_read(name: str) -> None:
    settings = settings_of(name, None)
    assert settings.schemes
    assert settings_of(name, None, schemes=["dsc-pq"], seed=7).model_dump() == {
        **settings.model_dump(),
        "schemes": ["dsc-pq"],
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("schemes = [", "is no TOML file"),
        ("schemes = []", "schemes"),
        ("schemes = ['dsc-xyz']", "unknown scheme 'dsc-xyz'"),
        ("schemes = ['dsc']\nhead_labels = [1]\nspeed = 3", "speed"),
        ("schemes = ['dsc']\nhead_labels = [1]\nseed = -1", "seed"),
        ("schemes = ['dsc']\nhead_labels = []", "head_labels"),
        ("schemes = ['dsc']\nhead_labels = [1]\nsimulate = [0, -5]", "at least 0 simulated images, got -5"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=line) as raised:
        settings_of("fig2", path)
    assert "\n" not in str(raised.value)


def test_what_is_given_twice_is_measured_once() -> None:
    settings = settings_of("table1", None, schemes=["duc-pq", "dsc-pq", "duc-pq"], simulate=[20, 0, 20])
    assert settings.model_dump()["schemes"] == ["duc-pq", "dsc-pq"]
    assert settings.model_dump()["simulate"] == [20, 0]


def test_a_byte_order_mark_is_no_part_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xef\xbb\xbfschemes = ['dsc']\nhead_labels = [1]\n")
    assert settings_of("fig2", path).schemes == ["dsc"]


def test_settings_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot read"):
        settings_of("fig3", tmp_path / "none.toml")


def test_an_unknown_receiver_is_refused() -> None:
    with pytest.raises(
        InvalidInputError, match="receivers: unknown receiver 'best'; expected one of hard, list, "
    ):
        settings_of("fig3", None, receivers=["best"])


def test_csv_and_json_say_what_was_done_and_name_no_folder(data: BenchmarkData, tmp_path: Path) -> None:
    truth = tmp_path / "secret-folder" / "gt.json"
    truth.parent.mkdir()
    truth.write_text("{}")
    settings = settings_of("table1", None, schemes=["dsc-pq", "exhaustive"], simulate=[30], seed=5)
    run_experiment("table1", data, settings, Provenance(str(truth), "tiny", 3), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "table1.csv",
        "table1.json",
        "table1.paired.csv",
    ]
    with (tmp_path / "out" / "table1.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["scheme"] for row in rows] == ["dsc-pq", "exhaustive"]
    assert all(row["simulated"] == "30" for row in rows)
    text = (tmp_path / "out" / "table1.json").read_text()
    assert "secret-folder" not in text
    record = json.loads(text)
    assert record["data"]["simulated"] == [30]
    assert record["data"]["distractors"] == 3
    assert record["data"]["ground_truth_sha256"].startswith("44136fa355b3678a1146ad16f7e8649e")  # of "{}"
    assert record["settings"]["seed"] == 5
    assert set(record["versions"]) == {
        "python",
        "deep-semantic-coding",
        "numpy",
        "faiss-cpu",
        "onnxruntime",
        "torch",
    }
    assert record["hardware"]["cores"] >= 1
    assert record["peak_memory_bytes"] > 0


def test_distractors_come_last_and_count_once(photos: Path) -> None:
    known = sorted(photos.glob("even/*.png"))
    query = EvaluationQuery(sorted(photos.glob("odd/*.png"))[0], None, frozenset({0}), frozenset(), "g")
    more = with_distractors(Benchmark("b", known, [query]), [photos])
    assert more.database[: len(known)] == known
    assert sorted(path.name for path in more.database[len(known) :]) == [
        "03.png",
        "05.png",
        "07.png",
        "09.png",
        "11.png",
    ]
    assert with_distractors(more, []) is more
    with pytest.raises(InvalidInputError, match="no such file or folder"):
        with_distractors(more, [photos / "none"])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("compare", ["--schemes", "", "--seed", "3"]),  # an empty list is as good as none
        ("compare", ["--schemes", "dsc-pq,exhaustive", "--name", "compare-two"]),
        ("fig2", ["--schemes", "dsc-pq,exhaustive", "--simulate", "0,20"]),
        (
            "fig3",
            [
                "--schemes",
                "dsc",
                "--snr-db",
                "0,inf",
                "--draws",
                "2",
                "--modes",
                "bpsk",
                "--receivers",
                "hard",
            ],
        ),
        ("table1", ["--schemes", "dsc-pq,duc-pq+M=8", "--simulate", "20"]),
        ("beyond", ["--schemes", "dsc-pq,dsc-pq+fused", "--seed", "3"]),
    ],
)
def test_from_photos_to_the_files(
    name: str,
    options: list[str],
    tiny_model: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    queries = [{"image": photo, "positives": [photo]} for photo in names]
    (tmp_path / "gt.json").write_text(
        json.dumps({"name": "self", "images": [str(photos)], "queries": queries})
    )
    where = [
        "--ground-truth",
        str(tmp_path / "gt.json"),
        "--out",
        str(tmp_path / "out"),
        "--model",
        str(tiny_model),
    ]
    result = CliRunner().invoke(app, ["run", name, *where, *options], catch_exceptions=False)
    assert result.exit_code == 0
    stem = options[-1] if "--name" in options else "metrics" if name == "compare" else name
    with (tmp_path / "out" / f"{stem}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == set(EXPERIMENTS[name].columns)
    assert {(row["dataset"], row["network"], row["queries"]) for row in rows} == {("self", "tiny", "12")}
    simulated = int(rows[-1]["simulated"])
    title = f"{name}: self, tiny, 12 queries"
    shown = " ".join(result.output.split())
    assert title in shown
    assert (f"{12 + simulated} images ({simulated} of them simulated)" in shown) == (simulated > 0)
    record = json.loads((tmp_path / "out" / f"{stem}.json").read_text())
    assert record["experiment"] == name
    assert record["backbone"] == "tiny"
    assert record["data"]["queries"] == 12
    assert str(tmp_path) not in json.dumps(record)


def test_an_option_for_each_setting_that_is_described() -> None:
    scored = {"seed", "index_seed", "seeds", "recall_at"}
    expected = {
        "compare": {"schemes", *scored, "whitening"},
        "fig2": {"schemes", *scored, "simulate"},
        "ablation": {"schemes", *scored, "draws", "noise_error", "max_draws"},
        "decoding": {"schemes", "seed", "index_seed", "simulate", "receivers", "snr_db", "packets"},
    }
    shared = {
        "append",
        "resume",
        "ground_truth",
        "features",
        "out",
        "distractors",
        "backbone",
        "model",
        "config",
        "file_name",
    }
    for name, settings in expected.items():
        parameters = inspect.signature(command_of(EXPERIMENTS[name])).parameters
        assert set(parameters) == settings | shared


def test_settings_of_a_file_and_of_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def record_and_stop(name: str, path: Path | None, **chosen: object) -> None:
        asked.update(chosen, name=name, path=path)
        raise InvalidInputError("stop")

    monkeypatch.setattr(commands, "settings_of", record_and_stop)
    options = ["--snr-db", " 0, inf,", "--modes", "bpsk,qpsk", "--no-channel-knowledge", "--fading", "rician"]
    where = ["--ground-truth", "gt.json", "--out", str(tmp_path), "--config", "my.toml"]
    CliRunner().invoke(app, ["run", "fig3", *where, *options])
    given = {key: value for key, value in asked.items() if value is not None}
    assert given == {
        "name": "fig3",
        "path": Path("my.toml"),
        "snr_db": [0.0, math.inf],
        "modes": ["bpsk", "qpsk"],
        "channel_knowledge": False,
        "fading": "rician",
    }


def test_a_run_beside_another(data: BenchmarkData, tmp_path: Path) -> None:
    settings = settings_of("table1", None, schemes=["dsc-pq"], simulate=[0])
    run_experiment("table1", data, settings, Provenance("gt.json", "tiny"), tmp_path, "table1-small")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table1-small.csv", "table1-small.json"]
    assert json.loads((tmp_path / "table1-small.json").read_text())["experiment"] == "table1"


def test_what_is_misspelt_is_refused_before_the_long_work(tmp_path: Path) -> None:
    where = ["--ground-truth", str(tmp_path / "none.json"), "--out", str(tmp_path)]
    for options, line in (
        (["--schemes", "dsc,nope"], "unknown scheme 'nope'"),
        (["--simulate", "many"], "expected numbers with commas between, got 'many'"),
        (["--name", "../table1"], "expected the name of a file without folder, got '../table1'"),
        (["--name", ""], "expected the name of a file without folder, got ''"),
    ):
        result = CliRunner().invoke(app, ["run", "table1", *where, *options])
        assert isinstance(result.exception, InvalidInputError)
        assert line in str(result.exception)
        assert "\n" not in str(result.exception)


@pytest.mark.parametrize(
    "name", [name for name in EXPERIMENTS if "simulate" in EXPERIMENTS[name].settings.model_fields]
)
def test_what_is_printed_tells_simulated_images_apart(name: str) -> None:
    experiment = EXPERIMENTS[name]
    assert {"database", "simulated"} <= set(experiment.shown or experiment.columns)
