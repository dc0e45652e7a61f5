"""One index for mixed devices: a float32 and an int8 device at the same server, and what each downloads."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsc_common.features.extractor import Extractor
from dsc_device.encoder_kit import EncoderKit
from dsc_eval.models.index_loss import measure_index_loss
from dsc_model.quantization.quantizing import quantize_model
from dsc_server.index.files import read_index
from helpers import in_process
from helpers.real_processes import only_line
from helpers.tiny_convnet import write_tiny_convnet


@pytest.fixture(scope="module")
def folder(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with float.onnx, int8.onnx, and an index that accepts both."""
    folder = tmp_path_factory.mktemp("models")
    network = write_tiny_convnet(folder / "float.onnx")
    quantize_model(network, folder / "int8.onnx", photos, count=6)
    index = ("--index", folder / "index")
    for arguments in (
        ("build", photos, *index, "--model", network, "--scheme", "dsc-pq", "-T", "2", "-M", "2"),
        ("accept", *index, folder / "int8.onnx"),
    ):
        done = in_process.run("dsc_server", *arguments)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def places(folder: Path) -> Iterator[tuple[str, ...]]:
    with in_process.server_and_channel(folder / "index") as (server, channel):
        yield ("--server", server, "--channel", channel)


def hashes_in(cache: Path) -> set[str]:
    return {path.name.removesuffix(".model") for path in cache.glob("*.model")}


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("options", "variable", "name", "file"),
    [
        ((), None, "float32", "float.onnx"),
        (("--model", "float32"), None, "float32", "float.onnx"),
        (("--model", "int8"), None, "int8", "int8.onnx"),
        ((), "int8", "int8", "int8.onnx"),
        (("--model", "float32"), "int8", "float32", "float.onnx"),
    ],
)
def test_a_device_downloads_the_network_that_it_uses_and_no_other(
    options: tuple[str, ...],
    variable: str | None,
    name: str,
    file: str,
    folder: Path,
    photos: Path,
    places: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if variable is not None:
        monkeypatch.setenv("DSC_DEVICE_MODEL", variable)
    photo = photos / "even" / "00.png"
    done = in_process.run("dsc_device", "query", photo, "--json", "--cache", tmp_path, *places, *options)
    assert done.returncode == 0, done.stderr
    answer = json.loads(only_line(done.stdout))
    assert answer["model"] == name
    loaded = read_index(folder / "index")
    kit = EncoderKit(loaded.manifest.offer(), loaded.index.codebook, Extractor.from_file(folder / file))
    assert answer["packet"] == kit.encode(photo).data.hex()
    assert hashes_in(tmp_path) == {sha256_of(folder / file)}


def test_a_network_that_is_not_offered_is_one_line_with_those_that_are(
    photos: Path, places: tuple[str, ...], tmp_path: Path
) -> None:
    photo = photos / "even" / "00.png"
    done = in_process.run("dsc_device", "query", photo, "--cache", tmp_path, *places, "--model", "int4")
    assert done.returncode == 1
    assert only_line(done.stderr) == (
        "error: the server does not offer the network 'int4'; it offers float32, int8"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def ground_truth(photos: Path, tmp_path: Path) -> Path:
    """Each photo of one folder asks for the others of it; the queries are in the index."""
    groups = [sorted(f"{name}/{path.name}" for path in (photos / name).iterdir()) for name in ("even", "odd")]
    queries = [
        {"image": name, "positives": [other for other in group if other != name], "group": group[0]}
        for group in groups
        for name in group
    ]
    content = {"name": "folders", "images": [str(photos)], "queries": queries}
    (tmp_path / "truth.json").write_text(json.dumps(content))
    return tmp_path / "truth.json"


def test_the_loss_is_measured_at_the_index_and_offered(
    folder: Path, ground_truth: Path, tmp_path: Path
) -> None:
    index = ("--index", folder / "index")
    arguments = (*index, "--model", folder / "int8.onnx", "--ground-truth", ground_truth)
    done = in_process.run("dsc_eval", "loss", *arguments, "--out", tmp_path / "loss.json")
    assert done.returncode == 0, done.stderr
    loss = json.loads((tmp_path / "loss.json").read_text())
    assert loss["queries"] == 12
    assert loss["map_loss"] == pytest.approx(loss["map_own"] - loss["map_other"], abs=2e-6)
    assert loss["map_loss_low"] <= loss["map_loss"] <= loss["map_loss_high"]
    assert only_line(done.stdout).startswith(
        f"folders, 12 queries: mAP {loss['map_own']:.4f} with the network"
    )
    accepted = in_process.run(
        "dsc_server", "accept", *index, folder / "int8.onnx", "--measured", tmp_path / "loss.json"
    )
    assert accepted.returncode == 0, accepted.stderr
    assert read_index(folder / "index").manifest.offer().models[1].map_loss == loss["map_loss"]


def test_the_network_of_the_index_loses_nothing(folder: Path, ground_truth: Path) -> None:
    loss = measure_index_loss(folder / "index", folder / "float.onnx", str(ground_truth))
    assert loss.map_own == loss.map_other
    assert loss.difference.interval.mean == 0.0
    assert 0.3 < loss.map_own < 1  # a query is not its positive
