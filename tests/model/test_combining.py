"""`dsc-model combine`: the feature of one network and the probabilities of another, number by number."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, version_converter

from dsc_common.errors import DscError, InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_common.files import whole_file
from dsc_model.checking.check import check_file
from dsc_model.combining import combine_files
from dsc_model.quantization.quantizing import quantize_model
from helpers import in_process
from helpers.tiny_convnet import write_tiny_convnet
from helpers.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """F = 24, K = 9, any number of photos."""
    return write_tiny_model(tmp_path_factory.mktemp("a") / "f.onnx", 9, 24, seed=5, photos="photos")


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """F = 12, K = 32, one photo."""
    return write_tiny_convnet(tmp_path_factory.mktemp("b") / "c.onnx")


def require_both(combined: Path, features: Path, classes: Path, photos: Path) -> Extractor:
    """The combined network, after each half was compared with its network on photos."""
    found, f, c = (Extractor.from_file(path) for path in (combined, features, classes))
    for path in sorted(photos.rglob("*.png")):
        both = found.extract(path)
        np.testing.assert_allclose(both.feature, f.extract(path).feature, atol=1e-6)
        np.testing.assert_allclose(both.probabilities, c.extract(path).probabilities, atol=1e-6)
    return found


def test_each_output_is_that_of_its_network(
    features: Path, classes: Path, photos: Path, tmp_path: Path
) -> None:
    done = in_process.run("dsc_model", "combine", features, classes, tmp_path / "both.onnx")
    assert (done.returncode, done.stderr) == (0, f"wrote {tmp_path / 'both.onnx'}\n")
    assert done.stdout.startswith("tiny+convnet: F = 24, K = 32, longest side 64 pixels, float32, ")
    info = require_both(tmp_path / "both.onnx", features, classes, photos).info
    assert (info.backbone, info.feature_dim, info.precision) == ("tiny+convnet", 24, "float32")
    assert info.labels == Extractor.from_file(classes).info.labels


def test_the_same_names_in_both(features: Path, photos: Path, tmp_path: Path) -> None:
    """Two networks of one architecture: each keeps its weights, and what nothing needs is left out."""
    other = write_tiny_model(tmp_path / "other.onnx", seed=6, photos="photos")
    combine_files(features, other, tmp_path / "both.onnx")
    require_both(tmp_path / "both.onnx", features, other, photos)
    combine_files(tmp_path / "both.onnx", other, tmp_path / "again.onnx")
    require_both(tmp_path / "again.onnx", features, other, photos)
    sizes = [(tmp_path / name).stat().st_size for name in ("both.onnx", "again.onnx")]
    assert sizes[1] < sizes[0] + 2000  # longer names, and no third network


def test_the_number_of_photos_is_free_if_it_is_in_both(features: Path, classes: Path, tmp_path: Path) -> None:
    other = write_tiny_model(tmp_path / "other.onnx", seed=6, photos="photos")
    for network, is_free in ((other, True), (classes, False)):
        combine_files(features, network, tmp_path / "both.onnx")
        [image] = onnx.load(tmp_path / "both.onnx").graph.input
        assert image.type.tensor_type.shape.dim[0].HasField("dim_value") != is_free
    combine_files(classes, features, tmp_path / "both.onnx")
    [image] = onnx.load(tmp_path / "both.onnx").graph.input
    assert image.type.tensor_type.shape.dim[0].dim_value == 1


def test_an_older_set_of_operators_is_converted(
    features: Path, classes: Path, photos: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "newer.onnx"
    onnx.save(version_converter.convert_version(onnx.load(classes), 20), newer)
    for first, second in ((features, newer), (newer, features)):
        combine_files(first, second, tmp_path / "both.onnx")
        require_both(tmp_path / "both.onnx", first, second, photos)
        [imported] = onnx.load(tmp_path / "both.onnx").opset_import
        assert imported.version == 20


def test_int8_and_float32_are_mixed(features: Path, classes: Path, photos: Path, tmp_path: Path) -> None:
    int8 = tmp_path / "int8.onnx"
    quantize_model(classes, int8, photos, count=4)
    combine_files(features, int8, tmp_path / "both.onnx")
    found = require_both(tmp_path / "both.onnx", features, int8, photos)
    assert found.info.precision == "mixed"
    combine_files(int8, int8, tmp_path / "both.onnx")
    assert Extractor.from_file(tmp_path / "both.onnx").info.precision == "int8"


def another_version_of_a_domain(path: Path, version: int) -> Path:
    """A domain that no operator uses, as quantized files have them."""
    model = onnx.load(write_tiny_model(path, photos="photos"))
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", version))
    model.graph.quantization_annotation.add().tensor_name = "map"
    onnx.save(model, path)
    return path


def test_domains_that_nothing_uses_may_differ(photos: Path, tmp_path: Path) -> None:
    first = another_version_of_a_domain(tmp_path / "first.onnx", 3)
    second = another_version_of_a_domain(tmp_path / "second.onnx", 4)
    combine_files(first, second, tmp_path / "both.onnx")
    require_both(tmp_path / "both.onnx", first, second, photos)


def test_a_network_with_a_graph_in_it_is_refused(features: Path, tmp_path: Path) -> None:
    """Its branch captures `white` of the graph around it."""
    model = onnx.load(write_tiny_model(tmp_path / "other.onnx"))
    at = next(n for n, node in enumerate(model.graph.node) if node.output[0] == "feature")
    branch = [
        helper.make_graph(
            [helper.make_node("LpNormalization", ["white"], [name], axis=1, p=2)],
            name,
            [],
            [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)],
        )
        for name in ("yes", "no")
    ]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "always"))
    choice = helper.make_node("If", ["always"], ["feature"], then_branch=branch[0], else_branch=branch[1])
    model.graph.node[at].CopyFrom(choice)
    onnx.save(model, tmp_path / "other.onnx")
    assert check_file(tmp_path / "other.onnx").faults == ()
    with pytest.raises(InvalidInputError, match=r"cannot be in one file: one has graphs in it \(If, Loop"):
        combine_files(features, tmp_path / "other.onnx", tmp_path / "both.onnx")


def test_a_network_is_not_replaced(features: Path, tmp_path: Path) -> None:
    other = write_tiny_model(tmp_path / "other.onnx")
    before = other.read_bytes()
    with pytest.raises(InvalidInputError, match=r"^expected another file than the networks to write to"):
        combine_files(features, other, other)
    assert other.read_bytes() == before


def another_side(path: Path) -> None:
    write_tiny_model(path, longest_side=96)


def without_labels(path: Path) -> None:
    model = onnx.load(write_tiny_model(path))
    helper.set_model_props(model, {"dsc.format": "1"})
    onnx.save(model, path)


@pytest.mark.parametrize(
    ("write", "line"),
    [
        (another_side, r"expected two networks of one longest side, got 64 pixels .* and 96 \("),
        (without_labels, r"cannot be used as a network: metadata dsc\.backbone: expected a name, got none"),
        (lambda path: path.write_bytes(b"no network"), "is no ONNX file"),
        (lambda path: None, "No such file"),
    ],
)
def test_what_does_not_fit_is_one_line(
    features: Path, tmp_path: Path, write: Callable[[Path], object], line: str
) -> None:
    write(tmp_path / "other.onnx")
    with pytest.raises(InvalidInputError, match=line):
        combine_files(features, tmp_path / "other.onnx", tmp_path / "both.onnx")
    assert not (tmp_path / "both.onnx").exists()


def test_nothing_is_written_to_a_full_disk(
    features: Path, classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_file, "write_whole", full)
    with pytest.raises(DscError, match=r"No space left on device$"):
        combine_files(features, classes, tmp_path / "both.onnx")
    with pytest.raises(InvalidInputError, match="its folder does not exist"):
        combine_files(features, classes, tmp_path / "none" / "both.onnx")
