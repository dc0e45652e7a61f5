"""Networks side by side: a network beside itself loses nothing; costs are those of its process."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsc_common.errors import InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_eval.models.networks import closeness, names_of
from dsc_eval.offline.benchmark_data import load_benchmark_data
from dsc_eval.tables.catalogue import TABLES
from dsc_model.quantization.quantizing import quantize_model
from helpers import in_process
from helpers.tiny_convnet import write_tiny_convnet
from helpers.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def folder(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with float.onnx, int8.onnx, and truth.json: each photo asks for the others of its folder."""
    folder = tmp_path_factory.mktemp("networks")
    quantize_model(write_tiny_convnet(folder / "float.onnx"), folder / "int8.onnx", photos, count=6)
    groups = [sorted(f"{name}/{path.name}" for path in (photos / name).iterdir()) for name in ("even", "odd")]
    queries = [
        {
            "image": name,
            "positives": [other for other in group if other != name],
            "junk": [name],
            "group": group[0],
        }
        for group in groups
        for name in group
    ]
    content = {"name": "folders", "images": [str(photos)], "queries": queries}
    (folder / "truth.json").write_text(json.dumps(content))
    return folder


def bench(folder: Path, out: Path, *models: str) -> list[dict[str, Any]]:
    networks = [part for name in models for part in ("--model", folder / name)]
    settings = ("--photos", "3", "--runs", "1", "--schemes", "exhaustive")
    arguments = ("--ground-truth", folder / "truth.json", *networks, "--out", out, *settings)
    done = in_process.run("dsc_eval", "bench", "networks", *arguments)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads((out / "networks.json").read_text())["rows"]
    return rows


def test_networks_side_by_side(folder: Path, tmp_path: Path) -> None:
    rows = bench(folder, tmp_path, "float.onnx", "int8.onnx")
    own, mixed, both = rows
    assert [(row["network"], row["database_network"]) for row in rows] == [
        *(("float32", "float32"), ("int8", "float32"), ("int8", "int8"))
    ]
    assert (own["loss"], own["cosine_min"], own["same_label"]) == (0.0, pytest.approx(1, abs=1e-6), 1.0)
    for row in (mixed, both):
        assert row["mAP"] == pytest.approx(own["mAP"] - row["loss"], abs=2e-6)
        assert row["loss_low"] <= row["loss"] <= row["loss_high"]
        assert 0.99 < row["cosine_min"] < row["cosine"] < 1
    sizes = [round((folder / name).stat().st_size / 1e6, 4) for name in ("float.onnx", "int8.onnx")]
    assert [own["size_mb"], mixed["size_mb"]] == sizes
    for row in rows:
        assert 0 < row["network_cpu_ms"] <= row["network_cpu_ms_p90"]
        assert 10 < row["peak_mb"] < 1000
        assert row["queries"] == 12


def test_networks_of_two_backbones_ask_their_own_databases_alone(folder: Path, tmp_path: Path) -> None:
    write_tiny_model(folder / "other.onnx", feature_dim=9)
    rows = bench(folder, tmp_path, "float.onnx", "other.onnx", "int8.onnx")
    assert [(row["network"], row["backbone"], row["database_network"]) for row in rows] == [
        ("float", "convnet", "float"),
        ("other", "tiny", "other"),
        ("int8", "convnet", "float"),
        ("int8", "convnet", "int8"),
    ]
    assert ["cosine" in row for row in rows] == [True, False, True, True]
    [alone, _] = bench(folder, tmp_path / "alone", "other.onnx", "float.onnx")
    assert rows[1]["mAP"] == alone["mAP"] == pytest.approx(rows[0]["mAP"] - rows[1]["loss"], abs=2e-6)
    (tmp_path / "backbones.json").write_bytes((tmp_path / "networks.json").read_bytes())
    _, _, *lines = TABLES["networks-backbones"](tmp_path).splitlines()
    assert [line.split(" | ")[0] for line in lines] == ["| `float`", "| `other`", "| `int8`"]
    assert lines[2].endswith(f" | {rows[3]['mAP']:.4f} |")
    _, _, *gained = TABLES["networks-backbone-gains"](tmp_path).splitlines()
    assert gained[0].startswith(
        f"| folders (12 queries) | `exhaustive` | `other` | {-rows[1]['loss']:+.4f} | "
    )
    (tmp_path / "networks.json").rename(tmp_path / "int8.json")
    _, _, _, other, _ = TABLES["networks-costs"](tmp_path).splitlines()
    assert other.startswith("| `other` |")
    assert other.endswith(" |  |  |  |")


def test_closeness_is_of_database_and_queries(folder: Path) -> None:
    truth = str(folder / "truth.json")
    one, other = (
        load_benchmark_data(truth, "", folder / name)[0].features for name in ("float.onnx", "int8.onnx")
    )
    cosines = [
        float(a @ b)
        for a, b in [
            *zip(one.database, other.database, strict=True),
            *((q.feature, r.feature) for q, r in zip(one.queries, other.queries, strict=True)),
        ]
    ]
    found = closeness(one, other)
    assert found["cosine"] == pytest.approx(np.mean(cosines), abs=1e-6)
    assert found["cosine_min"] == pytest.approx(min(cosines), abs=1e-6)


def test_networks_are_named_by_precision_or_file(folder: Path, tmp_path: Path) -> None:
    assert names_of([folder / "float.onnx", folder / "int8.onnx"]) == ["float32", "int8"]
    other = tmp_path / "other.onnx"
    other.write_bytes((folder / "int8.onnx").read_bytes())
    assert names_of([folder / "int8.onnx", other]) == ["int8", "other"]
    (tmp_path / "float.onnx").write_bytes((folder / "float.onnx").read_bytes())
    with pytest.raises(InvalidInputError, match="files of different names"):
        names_of([folder / "float.onnx", tmp_path / "float.onnx"])
    assert Extractor.from_file(other).info.precision == "int8"


def test_one_network_is_refused(folder: Path, tmp_path: Path) -> None:
    arguments = ("--ground-truth", folder / "truth.json", "--model", folder / "int8.onnx", "--out", tmp_path)
    done = in_process.run("dsc_eval", "bench", "networks", *arguments)
    assert done.returncode == 1
    assert "expected two networks or more" in done.stderr


def test_the_tables_show_what_was_measured(folder: Path, tmp_path: Path) -> None:
    rows = bench(folder, tmp_path, "float.onnx", "int8.onnx")
    (tmp_path / "networks.json").rename(tmp_path / "int8.json")
    _, _, *costs = TABLES["networks-costs"](tmp_path).splitlines()
    assert [line.split(" | ")[0] for line in costs] == ["| `float32`", "| `int8`"]
    assert f"| {rows[1]['cosine']:.4f} |" in costs[1]
    _, _, *losses = TABLES["networks-losses"](tmp_path).splitlines()
    assert len(losses) == len(rows)
    assert losses[0].endswith(f"| {rows[0]['mAP']:.4f} |  |  |")
    assert f"| `int8` | `float32` | {rows[1]['mAP']:.4f} | {rows[1]['loss']:.4f} |" in losses[1]
