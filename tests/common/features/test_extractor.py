"""The extractor: what it makes of a photo, the same with any number of threads; foreign files are refused."""

import contextlib
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from PIL import Image

from dsc_common.errors import DamagedIndexError, InvalidImageError
from dsc_common.features.extractor import Extractor


def with_metadata(model: Path, **changed: str | None) -> bytes:
    """The model with some of its metadata changed; None takes an entry out."""
    proto = onnx.load(model)
    entries = {entry.key: entry.value for entry in proto.metadata_props}
    for key, value in changed.items():
        entries.pop(f"dsc.{key}", None)
        if value is not None:
            entries[f"dsc.{key}"] = value
    del proto.metadata_props[:]
    helper.set_model_props(proto, entries)
    return proto.SerializeToString()


def another_model(output_shape: list[int], metadata: dict[str, str]) -> bytes:
    """A model that has nothing to do with photos: its outputs are sums of its input."""
    outputs = ["feature", "probabilities"]
    nodes = [
        helper.make_node("ReduceSum", ["image"], [name], keepdims=int(bool(output_shape))) for name in outputs
    ]
    graph = helper.make_graph(
        nodes,
        "another",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, output_shape) for name in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, metadata)
    return model.SerializeToString()


def test_what_the_model_says_of_itself(tiny_model: Path) -> None:
    info = Extractor.from_file(tiny_model).info
    assert (info.backbone, info.longest_side, info.feature_dim) == ("tiny", 64, 16)
    assert info.labels == tuple(f"thing {i}" for i in range(32))
    assert info.sha256 == hashlib.sha256(tiny_model.read_bytes()).hexdigest()


def test_a_feature_of_length_one_and_probabilities_that_sum_to_one(tiny_model: Path, photos: Path) -> None:
    extractor = Extractor.from_file(tiny_model)
    for path in sorted(photos.rglob("*.png")):
        extraction = extractor.extract(path)
        assert extraction.feature.shape == (16,)
        assert extraction.probabilities.shape == (32,)
        assert extraction.feature.dtype == extraction.probabilities.dtype == np.float32
        assert np.linalg.norm(extraction.feature) == pytest.approx(1, abs=1e-5)
        assert extraction.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_a_file_is_loaded_as_its_bytes_are(tiny_model: Path, photos: Path, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9") / "model.onnx"  # a name that is no UTF-8
    path.parent.mkdir()
    path.write_bytes(tiny_model.read_bytes())
    of_file, of_bytes = Extractor.from_file(path), Extractor(tiny_model.read_bytes())
    assert of_file.info == of_bytes.info
    for photo in sorted(photos.rglob("*.png")):
        one, other = of_file.extract(photo), of_bytes.extract(photo)
        assert one.feature.tobytes() == other.feature.tobytes()
        assert one.probabilities.tobytes() == other.probabilities.tobytes()


@pytest.mark.parametrize("data", [b"", b"hello", bytes(1000)])
def test_a_damaged_file_is_named_in_the_line(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(DamagedIndexError, match=r"^[^\n]*/m\.onnx is damaged: [^\n]*$") as caught:
        Extractor.from_file(tmp_path / "m.onnx")
    assert "/dev/fd" not in str(caught.value)


@pytest.mark.parametrize(("precision", "expected"), [(None, "float32"), ("int8", "int8")])
def test_the_precision_is_that_of_the_metadata(
    precision: str | None, expected: str, tiny_model: Path
) -> None:
    assert Extractor(with_metadata(tiny_model, precision=precision)).info.precision == expected


def test_any_number_of_threads_gives_the_same_bits(tiny_model: Path, photos: Path) -> None:
    paths = sorted(photos.rglob("*.png"))
    alone, two = (Extractor.from_file(tiny_model, threads) for threads in (1, 2))
    expected = [alone.extract(path) for path in paths]
    with ThreadPoolExecutor(4) as pool:
        others = [*map(two.extract, paths), *pool.map(alone.extract, paths)]
    for number, other in enumerate(others):
        assert other.feature.tobytes() == expected[number % len(paths)].feature.tobytes()
        assert other.probabilities.tobytes() == expected[number % len(paths)].probabilities.tobytes()


def test_a_box_of_a_photo_is_that_part_of_its_pixels(tiny_model: Path, tmp_path: Path) -> None:
    extractor = Extractor.from_file(tiny_model)
    side = extractor.info.longest_side
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "whole.png")
    cut = extractor.extract(tmp_path / "whole.png", (2, 1, side - 2, side - 3))
    part = pixels[1:-3, 2:-2].astype(np.float32).transpose(2, 0, 1)[None] / np.float32(255)
    assert cut.feature.tobytes() == extractor.run(np.ascontiguousarray(part)).feature.tobytes()


def test_a_bad_photo_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("not a photo")
    with pytest.raises(InvalidImageError, match=r"^not a photo [^\n]*a\.jpg$"):
        Extractor.from_file(tiny_model).extract(tmp_path / "a.jpg")


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedIndexError, match=r"^cannot read [^\n]*none\.onnx: No such file or directory$"):
        Extractor.from_file(tmp_path / "none.onnx")


@pytest.mark.parametrize("data", [b"", b"\0", b"hello", bytes(1000), b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_onnx_is_refused(data: bytes) -> None:
    with pytest.raises(DamagedIndexError, match=r"^m is [^\n]*$"):
        Extractor(data, "m")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_model_is_refused(kept: float, tiny_model: Path) -> None:
    data = tiny_model.read_bytes()
    with pytest.raises(DamagedIndexError, match=r"^m is [^\n]*$"):
        Extractor(data[: int(kept * len(data))], "m")


def test_a_foreign_model_is_refused() -> None:
    line = r"^m is not an exported backbone of this project \(format 1\)$"
    with pytest.raises(DamagedIndexError, match=line):
        Extractor(another_model([1, 1], {}), "m")
    with pytest.raises(DamagedIndexError, match=line):
        Extractor(another_model([1, 1], {"dsc.format": "2"}), "m")


@pytest.mark.parametrize("shape", [[], [1, 1]])
def test_outputs_that_are_not_those_of_the_metadata_are_refused(shape: list[int]) -> None:
    said = {
        "dsc.format": "1",
        "dsc.backbone": "other",
        "dsc.longest_side": "64",
        "dsc.feature_dim": "2",
        "dsc.labels": '["a"]',
    }
    with pytest.raises(DamagedIndexError, match=r"^m is damaged: expected outputs [^\n]*$"):
        Extractor(another_model(shape, said), "m")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", None),
        ("backbone", None),
        ("longest_side", None),
        ("longest_side", "wide"),
        ("longest_side", "0"),
        ("longest_side", "-64"),
        ("longest_side", "1000000"),
        ("feature_dim", None),
        ("feature_dim", "17"),
        ("feature_dim", "16.5"),
        ("labels", None),
        ("labels", "thing 1, thing 2"),
        ("labels", "32"),
        ("labels", "[]"),
        ("precision", ""),
        ("precision", "int 8"),
    ],
)
def test_metadata_that_is_wrong_or_missing_is_refused(key: str, value: str | None, tiny_model: Path) -> None:
    with pytest.raises(DamagedIndexError, match=r"^m is [^\n]*$"):
        Extractor(with_metadata(tiny_model, **{key: value}), "m")


@settings(max_examples=100)
@given(st.data())
def test_a_flipped_bit_is_refused_or_still_a_model(tiny_model: Path, data: st.DataObject) -> None:
    # The hash beside the file tells of flipped weights; here nothing but our own error may come.
    content = bytearray(tiny_model.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(DamagedIndexError):
        Extractor(bytes(content), "m")


def test_metadata_that_is_no_text_is_refused_without_a_word_beside(
    tiny_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for text in (b"thing 7", b"probabilities", b"dsc.longest_side"):
        damaged = tiny_model.read_bytes().replace(text, b"\xff" + text[1:])
        with pytest.raises(DamagedIndexError, match=r"^m is [^\n]*$"):
            Extractor(damaged, "m")
    assert capfd.readouterr() == ("", "")


def test_sparing_memory_changes_no_number(tiny_model: Path, photos: Path) -> None:
    usual, sparing = Extractor.from_file(tiny_model), Extractor.from_file(tiny_model, sparing=True)
    again = Extractor.from_file(tiny_model, threads=1, sparing=True)
    for photo in sorted(photos.rglob("*.png"))[:3]:
        expected = usual.extract(photo)
        for found in (sparing.extract(photo), again.extract(photo)):
            assert found.feature.tobytes() == expected.feature.tobytes()
            assert found.probabilities.tobytes() == expected.probabilities.tobytes()


def test_an_error_of_onnx_runtime_may_have_no_words(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    with pytest.raises(DamagedIndexError, match=r"tiny\.onnx is damaged: RuntimeError$"):
        Extractor.from_file(tiny_model)
