"""A finished run is not repeated; one of other data, settings or code, or with changed files, is."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dsc_eval.experiments import provenance, running
from dsc_eval.experiments.running import run_on_sets, settings_of
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance

WHERE = Provenance("gt.json", "tiny")


def measure(data: BenchmarkData, out: Path, **settings: object) -> bool:
    """Run `compare`, resumed; whether it was measured."""
    chosen = settings_of("compare", None, **({"schemes": ["dsc-raw", "exhaustive"]} | settings))
    return bool(run_on_sets("compare", [(data, WHERE)], chosen, out, resume=True))


@pytest.fixture
def done(data: BenchmarkData, tmp_path: Path) -> Path:
    assert measure(data, tmp_path)
    return tmp_path


def test_the_same_run_is_measured_once(data: BenchmarkData, done: Path) -> None:
    before = {path.name: path.read_bytes() for path in done.iterdir()}
    assert not measure(data, done)
    assert {path.name: path.read_bytes() for path in done.iterdir()} == before


@pytest.mark.parametrize("settings", [{"seed": 1}, {"seeds": 2}, {"schemes": ["dsc-raw"]}])
def test_other_settings_are_measured(settings: dict[str, object], data: BenchmarkData, done: Path) -> None:
    assert measure(data, done, **settings)
    assert not measure(data, done, **settings)


def test_other_features_are_measured(data: BenchmarkData, done: Path) -> None:
    features = replace(data.features, database=data.features.database[::-1].copy())
    assert measure(replace(data, features=features), done)


def test_other_code_is_measured(data: BenchmarkData, done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "code_hash", lambda: "0" * 64)
    assert measure(data, done)


def test_what_only_shows_numbers_is_no_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(provenance, "CODE", ("measured",))
    files = [tmp_path / "measured" / name for name in ("__init__.py", "plots/style.py", "index/plots.py")]
    hashes = []
    for path in files:
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
        hashes.append(provenance.code_hash())
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("name", ["metrics.csv", "metrics.paired.csv"])
@pytest.mark.parametrize("change", ["edited", "gone"])
def test_files_that_are_not_those_of_the_run_are_written_again(
    name: str, change: str, data: BenchmarkData, done: Path
) -> None:
    whole = (done / name).read_bytes()
    if change == "gone":
        (done / name).unlink()
    else:
        (done / name).write_bytes(whole.replace(b"0.", b"1.", 1))
    assert measure(data, done)
    assert (done / name).read_bytes() == whole


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"{", b"null", b'{"csv_sha256": 1, "beside_sha256": []}']
)
def test_a_damaged_description_is_no_finished_run(content: bytes, data: BenchmarkData, done: Path) -> None:
    (done / "metrics.json").write_bytes(content)
    assert measure(data, done)
    assert json.loads((done / "metrics.json").read_bytes())["experiment"] == "compare"
