"""`dsc-model check`: each thing that a network can lack is one line; nothing else is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dsc_common.errors import DscError, InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_common.files import whole_file
from dsc_model.checking.check import Description, check_file, describe_file, read_labels
from dsc_model.quantization.quantizing import quantize_model
from helpers import in_process
from helpers.tiny_convnet import write_tiny_convnet
from helpers.tiny_model import write_tiny_model

NAMES = ("dsc.format", "dsc.backbone", "dsc.longest_side", "dsc.feature_dim", "dsc.num_labels", "dsc.labels")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("check") / "tiny.onnx")


def changed(network: Path, folder: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    model = onnx.load(network)
    change(model)
    path = folder / "changed.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def faults(network: Path, folder: Path, change: Callable[[onnx.ModelProto], object]) -> list[str]:
    return list(check_file(changed(network, folder, change)).faults)


def with_metadata(**values: str | None) -> Callable[[onnx.ModelProto], None]:
    """Change metadata by their names without `dsc.`; None removes them."""

    def change(model: onnx.ModelProto) -> None:
        properties = {entry.key: entry.value for entry in model.metadata_props}
        properties |= {f"dsc.{key}": value for key, value in values.items() if value is not None}
        kept = {key: value for key, value in properties.items() if values.get(key[4:], "") is not None}
        helper.set_model_props(model, kept)

    return change


def replaced_node(output: str, kind: str, **attributes: object) -> Callable[[onnx.ModelProto], None]:
    """The operator that makes `output` becomes another one with the same inputs."""

    def change(model: onnx.ModelProto) -> None:
        nodes = model.graph.node
        at = next(n for n, node in enumerate(nodes) if node.output[0] == output)
        new = helper.make_node(kind, list(nodes[at].input), [output], **attributes)
        nodes[at].CopyFrom(new)

    return change


def after(output: str, kind: str, *constants: float) -> Callable[[onnx.ModelProto], None]:
    """One operator more, with constants as further inputs, before an output."""

    def change(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            for names in (node.input, node.output):
                names[:] = [f"{name}_before" if name == output else name for name in names]
        for n, constant in enumerate(constants):
            tensor = numpy_helper.from_array(np.array(constant, dtype=np.float32), f"{output}_{n}")
            model.graph.initializer.append(tensor)
        inputs = [f"{output}_before", *(f"{output}_{n}" for n in range(len(constants)))]
        model.graph.node.append(helper.make_node(kind, inputs, [output]))

    return change


def test_a_network_that_lacks_nothing_is_summed_up(network: Path) -> None:
    checked = check_file(network)
    assert checked.faults == ()
    size = network.stat().st_size / 1e6
    # 5 labels of 5 bits and 6 check bits are 4 bytes; 5 codes of 8 bytes follow.
    assert checked.summary == (
        f"tiny: F = 16, K = 32, longest side 64 pixels, float32, {size:.1f} MB; packets of 44 bytes"
    )


def test_the_int8_variant_lacks_nothing(photos: Path, tmp_path: Path) -> None:
    quantize_model(write_tiny_convnet(tmp_path / "float.onnx"), tmp_path / "int8.onnx", photos, count=4)
    checked = check_file(tmp_path / "int8.onnx")
    assert checked.faults == ()
    assert ", int8, " in checked.summary


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"format": "2"}, "metadata dsc.format: expected 1, got '2'"),
        ({"backbone": ""}, "metadata dsc.backbone: expected a name, got ''"),
        ({"longest_side": "31"}, "metadata dsc.longest_side: expected 32 to 4096, got '31'"),
        ({"longest_side": "9" * 99}, f"metadata dsc.longest_side: expected 32 to 4096, got '{'9' * 40}…'"),
        ({"feature_dim": "17"}, "metadata dsc.feature_dim: expected 16, got '17'"),
        ({"num_labels": "x"}, "metadata dsc.num_labels: expected 32, got 'x'"),
        ({"labels": '["a"]'}, "metadata dsc.labels: expected a JSON list of 32 names, got '[\"a\"]'"),
        ({"labels": "["}, "metadata dsc.labels: expected a JSON list of 32 names, got '['"),
        ({"labels": None}, "metadata dsc.labels: expected a JSON list of 32 names, got none"),
        ({"precision": "A B"}, "is damaged: expected a precision, got 'A B'"),
    ],
)
def test_metadata(network: Path, tmp_path: Path, values: dict[str, str | None], line: str) -> None:
    [found] = faults(network, tmp_path, with_metadata(**values))
    assert found.endswith(line)


def test_without_metadata_each_key_is_a_line(network: Path, tmp_path: Path) -> None:
    found = faults(network, tmp_path, lambda model: model.ClearField("metadata_props"))
    assert [line.split()[1] for line in found] == [f"{name}:" for name in NAMES]


def renamed(old: str, new: str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        for each in (*model.graph.input, *model.graph.output):
            each.name = new if each.name == old else each.name

    return change


def set_dim(name: str, at: int, value: int | str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        for each in (*model.graph.input, *model.graph.output):
            if each.name == name:
                dim = each.type.tensor_type.shape.dim[at]
                dim.Clear()
                if isinstance(value, int):
                    dim.dim_value = value
                else:
                    dim.dim_param = value

    return change


def set_type(name: str, value: int) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        for each in (*model.graph.input, *model.graph.output):
            if each.name == name:
                each.type.tensor_type.elem_type = value

    return change


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (renamed("image", "input"), "expected the input image, got input"),
        (
            renamed("feature", "embedding"),
            "expected the outputs feature and probabilities, got embedding, probabilities",
        ),
        (set_dim("image", 3, 224), "expected image of shape (1, 3, free, free), got (1, 3, free, 224)"),
        (set_dim("image", 1, 1), "expected image of shape (1, 3, free, free), got (1, 1, free, free)"),
        (set_type("image", TensorProto.UINT8), "expected image in float32, got uint8"),
        (set_type("feature", TensorProto.FLOAT16), "expected feature in float32, got float16"),
        (set_dim("feature", 1, "f"), "expected feature of shape (1, n) with a fixed n, got (1, free)"),
        (
            set_dim("probabilities", 0, 2),
            "expected probabilities of shape (1, n) with a fixed n, got (2, 32)",
        ),
        (set_dim("feature", 1, 70_000), "expected a feature of up to 65536 dimensions, got 70000"),
        (set_dim("probabilities", 1, 1 << 21), "expected K (labels) from 1 to 1048576, got 2097152"),
    ],
)
def test_inputs_and_outputs(
    network: Path, tmp_path: Path, change: Callable[[onnx.ModelProto], None], line: str
) -> None:
    found = faults(network, tmp_path, change)
    assert found[0] == line
    assert [each for each in found[1:] if not each.startswith("metadata dsc.")] == []


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (replaced_node("feature", "Identity"), ["feature: expected length 1, got "]),
        (replaced_node("probabilities", "Sigmoid"), ["probabilities: expected the sum 1, got "]),
        (after("feature", "Div", 0.0), ["feature: expected finite numbers, got NaN or infinity"]),
        (after("probabilities", "Div", 0.0), ["probabilities: expected finite numbers, got NaN or infinity"]),
        (
            replaced_node("feature", "RandomNormalLike"),
            ["feature: expected length 1", "two runs with the same"],
        ),
        (replaced_node("feature", "Lacking"), ["it does not load: "]),
        (
            replaced_node("conv", "Conv", strides=[4, 4], dilations=[30, 30]),
            ["it does not run: "],  # the kernel is larger than the photo
        ),
    ],
)
def test_runs(
    network: Path, tmp_path: Path, change: Callable[[onnx.ModelProto], None], lines: list[str]
) -> None:
    found = faults(network, tmp_path, change)
    assert [line[: len(start)] for line, start in zip(found, lines, strict=True)] == lines
    assert all("\n" not in line for line in found)


def test_a_fault_of_narrow_photos_alone_names_their_shape(network: Path, tmp_path: Path) -> None:
    [line] = faults(
        network, tmp_path, replaced_node("conv", "Conv", strides=[4, 4], dilations=[12, 12], pads=[0] * 4)
    )
    assert line.startswith("it does not run: ")
    assert line.endswith("(photo of 64 x 32 pixels)")


def test_the_shape_that_is_declared_is_the_one_that_comes(network: Path, tmp_path: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        set_dim("feature", 1, 15)(model)
        with_metadata(feature_dim="15")(model)

    [line] = faults(network, tmp_path, change)
    assert "15" in line


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("ReduceMean", "it takes any number of photos, but describes one differently"),
        ("Gather", "it takes any number of photos, but not several at once: expected 3"),
    ],
)
def test_photos_that_are_described_together(kind: str, line: str, tmp_path: Path) -> None:
    """A network whose number of photos is free, but whose operators know one photo alone."""
    model = onnx.load(write_tiny_model(tmp_path / "free.onnx", photos="photos"))
    assert check_file(tmp_path / "free.onnx").faults == ()
    model.graph.initializer.append(numpy_helper.from_array(np.array([0], dtype=np.int64), "first"))
    nodes = model.graph.node
    at = next(n for n, node in enumerate(nodes) if node.output[0] == "feature")
    nodes[at].input[0] = "beside"
    if kind == "Gather":
        added = [helper.make_node(kind, ["white", "first"], ["beside"], axis=0)]
    else:
        added = [
            helper.make_node(kind, ["white", "first"], ["average"], keepdims=1),
            helper.make_node("Add", ["white", "average"], ["beside"]),
        ]
    for offset, node in enumerate(added):
        nodes.insert(at + offset, node)
    onnx.save(model, tmp_path / "free.onnx")
    [found] = check_file(tmp_path / "free.onnx").faults
    assert found.startswith(line)


def test_files_that_are_not_complete_are_refused(network: Path, tmp_path: Path) -> None:
    text, empty = tmp_path / "text", tmp_path / "empty"
    text.write_text("no network")
    empty.write_bytes(b"")
    for path in (text, empty, tmp_path, tmp_path / "none"):
        with pytest.raises(InvalidInputError, match=f"{path}"):
            check_file(path)

    def outside(model: onnx.ModelProto) -> None:
        onnx.external_data_helper.convert_model_to_external_data(model, location="w", size_threshold=0)

    with pytest.raises(InvalidInputError, match=r"got external data \(tensor 'kernels'\)$"):
        check_file(changed(network, tmp_path, outside))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"dsc.backbone", "metadata dsc.backbone: expected a name, got none"),
        (b'["thing 0"', "metadata dsc.labels: expected a JSON list of 32 names, got "),
        (b"image", "expected the input image, got "),
    ],
)
def test_bytes_that_are_no_text_are_a_line(network: Path, tmp_path: Path, text: bytes, line: str) -> None:
    content = network.read_bytes()
    assert text in content
    path = tmp_path / "changed.onnx"
    path.write_bytes(content.replace(text, b"\xff" + text[1:]))
    found = check_file(path).faults
    assert [each for each in found if each.startswith(line)] != []


def test_a_file_without_metadata_is_described(network: Path, tmp_path: Path) -> None:
    bare = changed(network, tmp_path, lambda model: model.ClearField("metadata_props"))
    (tmp_path / "labels.txt").write_text("".join(f"thing {n}\n" for n in range(32)))
    arguments = ("--backbone", "mine", "--longest-side", "96", "--labels", tmp_path / "labels.txt")
    done = in_process.run("dsc_model", "check", bare, "--describe", tmp_path / "out.onnx", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("mine: F = 16, K = 32, longest side 96 pixels, float32, ")
    info = Extractor.from_file(tmp_path / "out.onnx").info
    assert (info.backbone, info.longest_side, info.labels[:2]) == ("mine", 96, ("thing 0", "thing 1"))
    assert check_file(tmp_path / "out.onnx").faults == ()


def test_what_is_described_keeps_its_other_metadata(photos: Path, tmp_path: Path) -> None:
    quantize_model(write_tiny_convnet(tmp_path / "float.onnx"), tmp_path / "int8.onnx", photos, count=4)
    description = Description("mine", 64, [str(n) for n in range(32)])
    checked = describe_file(tmp_path / "int8.onnx", tmp_path / "out.onnx", description)
    assert (checked.faults, Extractor.from_file(tmp_path / "out.onnx").info.precision) == ((), "int8")


def test_nothing_is_written_if_more_is_missing(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, labels = tmp_path / "out.onnx", [str(n) for n in range(32)]
    longer = changed(network, tmp_path, replaced_node("feature", "Identity"))
    [line] = describe_file(longer, out, Description("mine", 64, labels)).faults
    assert line.startswith("feature: expected length 1")
    few = describe_file(network, out, Description("mine", 64, labels[1:]))
    assert few.faults == ("expected 32 labels, got 31",)

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_file, "write_whole", full)
    with pytest.raises(DscError, match=r"No space left on device$"):
        describe_file(network, out, Description("mine", 64, labels))
    assert not out.exists()


def test_labels_are_lines_of_text(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_bytes("Weißstorch\r\nsea lion\n".encode())
    assert read_labels(path) == ["Weißstorch", "sea lion"]
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInputError, match="expected text in UTF-8"):
        read_labels(path)
    with pytest.raises(InvalidInputError, match=r"^cannot read .*: Is a directory$"):
        read_labels(tmp_path)


def test_the_command(network: Path, tmp_path: Path) -> None:
    done = in_process.run("dsc_model", "check", network)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    path = changed(network, tmp_path, with_metadata(labels=None, format="7"))
    done = in_process.run("dsc_model", "check", path)
    assert done.returncode == 1
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["dsc.format:", "dsc.labels:"]
    assert done.stderr == f"error: {path} cannot be used as a network\n"
    for arguments in (("--backbone", "x"), ("--describe", tmp_path / "out.onnx", "--backbone", "x")):
        done = in_process.run("dsc_model", "check", network, *arguments)
        assert done.returncode == 2
        assert "--describe" in done.stderr
