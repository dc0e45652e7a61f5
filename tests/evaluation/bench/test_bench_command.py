"""`dsc-eval bench`: files that are whole, describe the run and name no folder; figures from them alone."""

import inspect
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from dsc_common.errors import InvalidInputError
from dsc_eval.bench import commands
from dsc_eval.bench.bench import Bench, BenchSettings
from dsc_eval.bench.commands import run_on
from dsc_eval.bench.record import read_record, read_runs
from dsc_eval.bench.registry import BENCHES
from dsc_eval.bench.threads import limited_threads, thread_pools
from dsc_eval.main import app
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance
from dsc_eval.plots.catalogue import BENCH_PLOTS

SMALL = {
    "search": ["--scheme", "dsc+M=8", "--candidates", "20", "--nprobe", "1", "--nlist", "4"],
    "growth": ["--scheme", "dsc+M=8", "--queries", "2"],
    "decode": ["--scheme", "dsc+M=8", "--packets", "2"],
    "build": ["--scheme", "dsc+M=8"],
    "serve": ["--scheme", "dsc+M=8", "--clients", "1,3", "--seconds", "0.05", "--warm-up-s", "0"],
}


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret-folder") / "gt.json"
    path.write_text("{}")
    return path


@pytest.fixture
def given(data: BenchmarkData, truth: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small data set in place of photos."""
    loaded = data, Provenance(str(truth), "tiny", 3)
    monkeypatch.setattr(commands, "load_benchmark_data", lambda *_: loaded)
    return truth


def test_there_is_a_figure_of_each_benchmark() -> None:
    assert set(BENCHES) == set(SMALL)
    assert set(commands.NAMES) == set(BENCH_PLOTS)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name == "serve" else []) for name in BENCHES]
)
def test_a_run_writes_json_and_a_figure(name: str, given: Path, tmp_path: Path) -> None:
    options = ["--ground-truth", str(given), "--out", str(tmp_path), "--runs", "1", "--simulate", "0,30"]
    result = CliRunner().invoke(app, ["bench", name, *options, *SMALL[name]])
    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.json"]
    text = (tmp_path / f"{name}.json").read_text()
    assert "secret-folder" not in text
    record = json.loads(text)
    assert record["benchmark"] == name
    assert record["data"]["ground_truth_sha256"].startswith("44136fa355b3678a1146ad16f7e8649e")  # of "{}"
    assert record["settings"]["simulate"] == [0, 30]
    assert record["settings"]["threads"] == 1
    assert record["hardware"]["cores"] >= 1
    assert record["wall_s"] > 0
    assert record["others_busy_cores"] >= 0
    assert record["code_sha256"] != record["measured_sha256"]
    assert {row["simulated"] for row in record["rows"]} == {0, 30}
    shutil.copyfile(
        tmp_path / f"{name}.json", tmp_path / f"{name}-before.json"
    )  # a second line in the figure
    result = CliRunner().invoke(app, ["bench", "plot", name, "--results", str(tmp_path)])
    assert result.exit_code == 0, result.output
    before = [(tmp_path / f"{name}.{kind}").read_bytes() for kind in ("png", "svg")]
    with Image.open(tmp_path / f"{name}.png") as picture:
        assert picture.format == "PNG"
    BENCH_PLOTS[name](tmp_path)
    assert [(tmp_path / f"{name}.{kind}").read_bytes() for kind in ("png", "svg")] == before


def test_a_run_has_the_name_that_it_is_given(given: Path, tmp_path: Path) -> None:
    options = ["--ground-truth", str(given), "--out", str(tmp_path), "--runs", "1", "--name", "decode-before"]
    result = CliRunner().invoke(app, ["bench", "decode", *options, *SMALL["decode"]])
    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.iterdir()] == ["decode-before.json"]


def test_every_setting_that_is_described_is_an_option() -> None:
    for bench in BENCHES.values():
        described = {name for name, field in bench.settings.model_fields.items() if field.description}
        assert described == set(bench.settings.model_fields)


def test_a_run_that_fails_leaves_the_earlier_file(data: BenchmarkData, truth: Path, tmp_path: Path) -> None:
    def fail(_data: BenchmarkData, _settings: BenchSettings) -> object:
        raise InvalidInputError("something is wrong")

    earlier = tmp_path / "broken.json"
    earlier.write_text("earlier")
    bench = Bench("broken", "", BenchSettings, fail, ())  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError):
        run_on(bench, BenchSettings(), data, Provenance(str(truth), "tiny"), tmp_path)
    assert earlier.read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["broken.json"]


def test_two_benchmarks_do_not_run_at_a_time(data: BenchmarkData, truth: Path, tmp_path: Path) -> None:
    where = Provenance(str(truth), "tiny")

    def again(_data: BenchmarkData, _settings: BenchSettings) -> object:
        return run_on(bench, BenchSettings(), data, where, tmp_path, "other")

    bench = Bench("one", "", BenchSettings, again, ())  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="another benchmark writes to"):
        run_on(bench, BenchSettings(), data, where, tmp_path)


def test_threads_are_limited_in_every_library_and_set_back() -> None:
    before = thread_pools()
    assert {pool["prefix"] for pool in before} >= {"libgomp"}  # that of Faiss
    with limited_threads(2):
        assert {pool["num_threads"] for pool in thread_pools()} == {2}
        with limited_threads(1):
            assert {pool["num_threads"] for pool in thread_pools()} == {1}
    assert thread_pools() == before


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "cannot read"),
        ("{", "is no JSON file"),
        ("[]", "expected results of the benchmark search"),
        ('{"benchmark": "decode", "rows": [1]}', "expected results of the benchmark search"),
        ('{"benchmark": "search", "rows": []}', "expected results of the benchmark search"),
    ],
)
def test_a_file_that_is_no_result_is_one_line(content: str | None, line: str, tmp_path: Path) -> None:
    path = tmp_path / "search.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidInputError, match=line) as raised:
        read_record(path, "search")
    assert "\n" not in str(raised.value)


def test_files_of_the_same_code_are_one_run(tmp_path: Path) -> None:
    files = {
        "search": ("new", [1, 2]),
        "search-1m": ("new", [3]),
        "search-before": ("old", [4]),
        "search-before-1m": ("old", [5]),
        "search-other": ("third", [6]),
    }
    for name, (code, rows) in files.items():
        record = {"benchmark": "search", "measured_sha256": code, "settings": name, "rows": rows}
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    runs = read_runs(tmp_path, "search")
    assert {name: record["rows"] for name, record in runs.items()} == {
        "search": [1, 2, 3],
        "search-before": [4, 5],
        "search-other": [6],
    }
    assert runs["search"]["settings"] == "search"


def test_an_unknown_figure_and_a_name_with_a_folder_are_refused(given: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    result = run(app, ["bench", "plot", "none", "--results", str(tmp_path)])
    assert "unknown figure 'none'" in str(result.exception)
    options = ["--ground-truth", str(given), "--out", str(tmp_path), "--name", "../x"]
    result = run(app, ["bench", "search", *options])
    assert "expected the name of a file without folder" in str(result.exception)


def test_the_options_of_data_come_before_those_of_the_settings() -> None:
    from dsc_eval.setting_options import command_with_settings

    def measure(chosen: dict[str, object], first: str, second: str, third: str = "") -> None:
        raise AssertionError(chosen, first, second, third)

    command = command_with_settings(BenchSettings, measure)
    names = list(inspect.signature(command).parameters)
    assert names == ["first", "second", "simulate", "runs", "threads", "seed", "third"]
