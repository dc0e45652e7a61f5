"""`dsc-model quantize`: what becomes integers, what stays; photos that calibrate; what is refused."""

import errno
import json
import os
import subprocess
from pathlib import Path
from typing import NoReturn

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from dsc_common.errors import DamagedIndexError, DscError, InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_common.files import whole_file
from dsc_demo.processes import python_module
from dsc_model.quantization.calibration import ChosenPhotos, photos_in
from dsc_model.quantization.quantizing import quantize_model
from dsc_server.building.build import build
from dsc_server.building.options import BuildOptions
from helpers.tiny_convnet import CONVS, write_tiny_convnet


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_convnet(tmp_path_factory.mktemp("network") / "float.onnx")


@pytest.fixture(scope="module")
def quantized(network: Path, photos: Path) -> Path:
    path = network.with_name("int8.onnx")
    done = quantize_model(network, path, photos, count=8)
    assert done.photos == 8
    assert (done.size_bytes, done.of_bytes) == (path.stat().st_size, network.stat().st_size)
    return path


def operations(model: onnx.ModelProto) -> dict[str, str]:
    """Name of each tensor → the operation that makes it."""
    return {output: node.op_type for node in model.graph.node for output in node.output}


def test_the_metadata_stays_and_the_precision_is_added(network: Path, quantized: Path) -> None:
    before, after = (
        {entry.key: entry.value for entry in onnx.load(path).metadata_props} for path in (network, quantized)
    )
    assert after == {**before, "dsc.precision": "int8"}
    assert Extractor.from_file(network).info.precision == "float32"
    assert Extractor.from_file(quantized).info.precision == "int8"


def test_features_and_probabilities_stay_close(network: Path, quantized: Path, photos: Path) -> None:
    exact, close = Extractor.from_file(network), Extractor.from_file(quantized)
    for photo in photos_in(photos):
        one, other = exact.extract(photo), close.extract(photo)
        assert not np.array_equal(one.feature, other.feature)
        assert float(one.feature @ other.feature) > 0.998
        assert np.linalg.norm(other.feature) == pytest.approx(1, abs=1e-5)
        assert np.abs(one.probabilities - other.probabilities).max() < 0.05


def test_all_but_the_first_three_convolutions_are_integers_with_their_relu6(quantized: Path) -> None:
    model = onnx.load(quantized)
    made_by = operations(model)
    convs = {node.name: node for node in model.graph.node if node.op_type == "Conv"}
    reads = {name: made_by.get(node.input[1], "constant") for name, node in convs.items()}
    assert [reads[f"conv{n}"] for n in range(CONVS)] == ["constant"] * 3 + ["DequantizeLinear"] * 2
    # A quantized ReLU6 is the range of the integers: the node itself is gone. A clamp is no activation.
    assert {node.name for node in model.graph.node if node.op_type == "Clip"} == {
        *("relu6_0", "relu6_1", "relu6_2", "clamp")
    }
    for name in ("residual", "gemm"):
        node = next(node for node in model.graph.node if node.name == name)
        assert [made_by[tensor] for tensor in node.input[:2]] == ["DequantizeLinear"] * 2


def test_weights_are_rounded_channel_by_channel(network: Path, quantized: Path) -> None:
    floats = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(network).graph.initializer}
    integers = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(quantized).graph.initializer
    }
    expected, words, scales = floats["w4"], integers["w4_quantized"], integers["w4_scale"]
    assert words.dtype == np.int8
    assert scales.shape == (len(expected),)
    for channel, scale in enumerate(scales):
        assert np.abs(expected[channel] - words[channel] * scale).max() <= 0.5001 * scale
        assert np.abs(words[channel]).max() == 127


def test_the_same_bytes_in_another_process_with_other_hashes(
    network: Path, quantized: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again.onnx"
    arguments = (network, out, "--photos", photos, "--count", "8")
    done = subprocess.run(
        python_module("dsc_model", "quantize", *arguments),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "17"},
    )
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == quantized.read_bytes()
    assert done.stderr.splitlines()[-1].startswith(f"wrote {out}: ")
    assert "calibrated on 8 photos" in done.stderr


def refusal(*arguments: Path, **options: object) -> str:
    with pytest.raises(DscError) as caught:
        quantize_model(*arguments, **options)  # type: ignore[arg-type]
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_what_is_no_float_network_is_refused(quantized: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    (tmp_path / "text").write_text("no network")
    assert refusal(tmp_path / "text", out, photos).startswith(f"{tmp_path / 'text'} is damaged: ")
    assert refusal(tmp_path / "none", out, photos).startswith(f"cannot read {tmp_path / 'none'}: ")
    assert refusal(quantized, out, photos) == (
        f"expected a network in float32, got one that is quantized already: {quantized}"
    )
    assert refusal(tmp_path, out, photos) == (f"not an index directory (it has no manifest.json): {tmp_path}")
    assert not out.exists()


def test_calibration_without_photos_is_refused(network: Path, tmp_path: Path) -> None:
    out, folder = tmp_path / "out.onnx", tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("text")
    assert refusal(network, out).startswith("expected --photos DIR, ")
    assert refusal(network, out, tmp_path / "none") == f"no such file or folder: {tmp_path / 'none'}"
    assert refusal(network, out, folder) == f"no photo in {folder}"
    (folder / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    assert refusal(network, out, folder) == "none of 1 photos for calibration can be read"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder"]


def test_a_target_that_cannot_be_written_is_refused(
    network: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "it is a folder" in refusal(network, tmp_path, photos)
    assert "its folder does not exist" in refusal(network, tmp_path / "none" / "out.onnx", photos)

    def full(_path: Path, _content: bytes) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(whole_file, "write_whole", full)
    line = refusal(network, tmp_path / "out.onnx", photos, count=1)
    assert line == f"cannot write the model to {tmp_path / 'out.onnx'}: No space left on device"


def test_photos_that_cannot_be_read_give_way(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    good, lines = photos_in(photos), list[str]()
    chosen = ChosenPhotos([*good, tmp_path / "cut.png"], 64, len(good), 0, lines.append)
    assert len(list(chosen)) == chosen.read == len(good)
    assert len(lines) <= 1
    all_of_them = ChosenPhotos([tmp_path / "cut.png", *good], 64, 100, 0, lines.append)
    assert len(list(all_of_them)) == len(good)
    assert lines[-1].startswith("left out: ")


def test_the_choice_depends_on_the_seed_alone(photos: Path) -> None:
    def chosen(seed: int) -> list[bytes]:
        return [pixels.tobytes() for pixels in ChosenPhotos(photos_in(photos), 64, 4, seed, print)]

    assert chosen(1) == chosen(1) != chosen(2)
    assert len(set(chosen(1))) == 4


@pytest.fixture
def index(network: Path, photos: Path, tmp_path: Path) -> Path:
    """An index of copies of the photos, which may move."""
    copies = tmp_path / "caf\u00e9 #1"
    copies.mkdir()
    for photo in photos_in(photos):
        (copies / photo.name).write_bytes(photo.read_bytes())
    options = BuildOptions(scheme="dsc-pq", model=network, head_labels=2, num_subvectors=2)
    build([copies], tmp_path / "index", options, say=lambda _line: None)
    return tmp_path / "index"


def test_an_index_calibrates_on_its_photos(index: Path, network: Path, photos: Path, tmp_path: Path) -> None:
    done = quantize_model(index, tmp_path / "of_index.onnx", count=100)
    quantize_model(network, tmp_path / "of_photos.onnx", photos, count=100)
    assert done.photos == len(photos_in(photos))
    assert (tmp_path / "of_index.onnx").read_bytes() == (tmp_path / "of_photos.onnx").read_bytes()


def test_an_index_whose_photos_are_gone_asks_for_others(index: Path, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "caf\u00e9 #1").rename(tmp_path / "moved")
    out = tmp_path / "out.onnx"
    assert refusal(index, out) == (
        f"none of the {len(photos_in(photos))} photos of the index {index} is where it was: "
        "--photos names others"
    )
    assert quantize_model(index, out, tmp_path / "moved", count=3).photos == 3


def test_a_damaged_index_is_refused(index: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    with (index / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(DamagedIndexError, match=r"model\.onnx is damaged: its SHA-256 is not the one"):
        quantize_model(index, out)
    content = json.loads((index / "manifest.json").read_text())
    (index / "manifest.json").write_text(json.dumps({"files": {}}))
    with pytest.raises(DamagedIndexError, match=r"manifest\.json is damaged or not ours"):
        quantize_model(index, out)
    del content["files"]
    (index / "model.onnx").unlink()
    with pytest.raises(InvalidInputError, match="this index has no network"):
        quantize_model(index, out)


def test_the_network_itself_is_not_overwritten(
    index: Path, network: Path, photos: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.onnx"
    link.symlink_to(network)
    for source, model in ((network, network), (link, network), (index, index / "model.onnx")):
        before = model.read_bytes()
        for out in (model, link) if model == network else (model,):
            with pytest.raises(InvalidInputError, match=f"besides the network itself, got {out}"):
                quantize_model(source, out, photos)
        assert model.read_bytes() == before


def test_a_pipe_is_refused_before_the_work_and_stays(network: Path, photos: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "out.onnx"
    os.mkfifo(pipe)
    with pytest.raises(InvalidInputError, match=f"cannot write the model to {pipe}: not a regular file"):
        quantize_model(network, pipe, photos, track=refuse)
    assert pipe.is_fifo()


def refuse(*_arguments: object) -> NoReturn:
    raise AssertionError
