"""`dsc-eval bench energy`: the packet's energy is that of the link, the file's follows from its size."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from dsc_common.errors import InvalidInputError
from dsc_common.radio.link import LinkReport
from dsc_common.radio.modes import Mode
from dsc_eval.bench import commands, energy
from dsc_eval.bench.energy import EnergySettings, row_of
from dsc_eval.experiments.settings import validated
from dsc_eval.main import app
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance
from dsc_eval.plots.catalogue import BENCH_PLOTS


def with_photos(data: BenchmarkData, folder: Path, suffixes: str = "jpg png") -> BenchmarkData:
    """The small data set, with a file for each query."""
    queries = []
    kinds = suffixes.split()
    for number, query in enumerate(data.benchmark.queries):
        path = folder / f"{number}.{kinds[number % len(kinds)]}"
        Image.fromarray(np.full((40 + number, 50, 3), number, dtype=np.uint8)).save(path)
        queries.append(replace(query, path=path))
    return replace(data, benchmark=replace(data.benchmark, queries=queries))


def test_the_row_follows_from_uses_and_sizes() -> None:
    report = LinkReport(Mode.BPSK, 0.0, 0, 100, 100.0, 0, True)
    row = row_of(0.0, [report, report], np.array([100, 100]))
    assert (row["uses"], row["energy"], row["photos"], row["jpeg_bytes"]) == (100.0, 100.0, 2, 100)
    assert row["energy_db"] == 20.0
    assert row["jpeg_same_uses_db"] == pytest.approx(20 + 10 * math.log10(2**16 - 1), abs=1e-4)
    assert row["jpeg_uses"] == 1600  # ½ bit a use
    assert row["jpeg_same_snr_db"] == pytest.approx(10 * math.log10(1600), abs=1e-4)
    assert row["jpeg_any_uses_db"] == pytest.approx(10 * math.log10(1600 * math.log(2)), abs=1e-4)


def test_a_run_writes_json_and_a_figure(
    data: BenchmarkData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = with_photos(data, tmp_path), Provenance("none", "tiny")
    monkeypatch.setattr(commands, "load_benchmark_data", lambda *_: loaded)
    options = ["--ground-truth", "gt.json", "--out", str(tmp_path / "out"), "--scheme", "dsc+M=8"]
    result = CliRunner().invoke(app, ["bench", "energy", *options, "--snr-db", "-3,10"])
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "out/energy.json").read_text())["rows"]
    assert [row["snr_db"] for row in rows] == [-3.0, 10.0]
    assert {row["photos"] for row in rows} == {len(data.benchmark.queries) // 2}  # the others are PNG
    for row in rows:
        assert row["uses"] == row["energy"] == 8 * row["packet_bytes"]  # BPSK with P = 1
        assert row["energy_db"] < row["jpeg_any_uses_db"] < row["jpeg_same_snr_db"] < row["jpeg_same_uses_db"]
    result = CliRunner().invoke(app, ["bench", "plot", "energy", "--results", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    before = (tmp_path / "out/energy.png").read_bytes()
    BENCH_PLOTS["energy"](tmp_path / "out")
    assert (tmp_path / "out/energy.png").read_bytes() == before


def test_queries_that_are_no_jpeg_are_refused(data: BenchmarkData, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="expected queries that are JPEG files, got none"):
        next(energy.run(with_photos(data, tmp_path, "png"), EnergySettings()))


def test_without_noise_there_is_no_energy_to_compare() -> None:
    with pytest.raises(InvalidInputError, match="expected finite SNRs"):
        validated(EnergySettings, "bench energy", {"snr_db": [5.0, math.inf]})
