"""`dsc-eval bench device`: a real device between real services; memory that is limited, and measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dsc_common.errors import DscError, InvalidInputError
from dsc_eval.bench import commands, device
from dsc_eval.bench.device import TIMES, DeviceBenchSettings, Sent, row_of
from dsc_eval.bench.device_process import DeviceRun
from dsc_eval.bench.made_photos import KINDS, Kind
from dsc_eval.bench.memory_group import memory_group
from dsc_eval.experiments.settings import validated
from dsc_eval.main import app
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance
from dsc_eval.plots.catalogue import BENCH_PLOTS
from helpers.tiny_model import write_tiny_model

TINY = {name: Kind(name, 80, 60, kind.suffix, kind.quality) for name, kind in KINDS.items()}


def run_of(start_s: float, peak_bytes: int, *network_ms: float) -> DeviceRun:
    fixed = {"hash": 1.0, "decode": 2.0, "resize": 3.0, "encode": 0.5, "round_trip": 5.0, "server": 1.5}
    extract = {"extract": 99.0}  # of which decode, resize and network are parts
    answers = [{"timings_ms": {**fixed, **extract, "network": each}} for each in network_ms]
    return DeviceRun(answers, start_s, peak_bytes)


def test_the_row_follows_from_the_runs(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(bytes(2500))
    runs = [run_of(1.0, 100_000_000, 10.0, 12.0), run_of(3.0, 200_000_000, 14.0, 40.0)]
    row = row_of(Sent(TINY["jpeg-1mp"], [tmp_path / "a.jpg"], runs, [7_000_000, 9_000_000]))
    assert (row["start_s"], row["start_s_max"]) == (2.0, 3.0)
    assert (row["peak_mb"], row["peak_mb_max"], row["group_peak_mb"]) == (150.0, 200.0, 9.0)
    assert (row["network_ms"], row["wait_ms"], row["server_ms"], row["file_kb"]) == (13.0, 3.5, 1.5, 2.5)
    assert row["photo_ms"] == 13.0 + 1 + 2 + 3 + 0.5 + 5
    assert (row["photo_ms_min"], row["photo_ms_max"]) == (22.5, 38.5)


@pytest.mark.slow
def test_a_run_writes_json_and_a_figure(
    data: BenchmarkData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = data.features
    model = write_tiny_model(tmp_path / "m.onnx", features.num_labels, features.database.shape[1])
    monkeypatch.setattr(device, "KINDS", TINY)
    monkeypatch.setattr(commands, "load_benchmark_data", lambda *_: (data, Provenance("none", "tiny")))
    options = ["--ground-truth", "gt.json", "--out", str(tmp_path / "out"), "--model", str(model)]
    few = ["--schemes", "dsc+M=8", "--kinds", "jpeg-1mp", "--photos", "2", "--runs", "1"]
    result = CliRunner().invoke(app, ["bench", "device", *options, *few])
    assert result.exit_code == 0, result.output
    text = (tmp_path / "out/device.json").read_text()
    assert str(tmp_path) not in text
    (row,) = json.loads(text)["rows"]
    assert (row["scheme"], row["kind"], row["photos"], row["runs"]) == ("dsc+M=8", "jpeg-1mp", 2, 1)
    assert row["start_s"] > 0.1
    assert 20 < row["peak_mb"] < 1000
    assert all(row[f"{step}_ms"] > 0 for step in TIMES)
    assert row["coding_ms"] > 0 < row["coding_new_ms"]
    result = CliRunner().invoke(app, ["bench", "plot", "device", "--results", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    before = (tmp_path / "out/device.png").read_bytes()
    BENCH_PLOTS["device"](tmp_path / "out")
    assert (tmp_path / "out/device.png").read_bytes() == before


@pytest.mark.parametrize(("megabytes", "code"), [(10, 0), (200, -9)])
def test_a_process_in_a_group_has_no_more_memory_than_the_group(megabytes: int, code: int) -> None:
    program = (
        "import sys; open(sys.argv[1] + '/cgroup.procs', 'w').write('0'); "
        f"held = bytearray({megabytes} * 10**6); held[::4096] = bytes(len(held[::4096]))"
    )
    try:
        with memory_group(64 * 10**6) as group:
            done = subprocess.run([sys.executable, "-c", program, str(group.folder)], check=False)
            assert done.returncode == code
            assert 10**6 <= group.peak_bytes() <= 64 * 10**6
    except DscError as error:
        pytest.skip(str(error))
    assert not group.folder.exists()


def test_where_there_is_no_group_a_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(DscError, match="no control group of memory here"), memory_group(10**8, tmp_path):
        pass


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"expected kinds among jpeg-480px, .*, got gif"):
        validated(DeviceBenchSettings, "bench device", {"kinds": ["gif"]})
