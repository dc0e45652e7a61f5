"""`dsc-model whiten`, from photos to a file, without torch; what is refused is one line."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from dsc_common.errors import InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_demo.processes import python_module
from dsc_model.whitening.file import FORMAT, Whitening, read_whitening, write_whitening
from dsc_model.whitening.learning import learn_whitening
from dsc_model.whitening.whiten import whiten
from helpers import in_process

METADATA = {"format": FORMAT, "model_sha256": "a" * 64, "feature_dim": "2", "data": "things", "pairs": "3"}


def tensors(width: int = 2) -> dict[str, NDArray[np.float32]]:
    return {"mean": np.zeros(width, dtype=np.float32), "projection": np.eye(width, dtype=np.float32)}


def test_the_file_is_what_the_pairs_give(tiny_model: Path, photos: Path, tmp_path: Path) -> None:
    learned = whiten(tiny_model, photos, tmp_path / "w.safetensors")
    extractor = Extractor.from_file(tiny_model)
    groups = [sorted((photos / name).iterdir()) for name in ("even", "odd")]
    x = np.stack([extractor.extract(path).feature for group in groups for path in group])
    pairs = [(6 * g + a, 6 * g + b) for g in range(2) for a in range(6) for b in range(6) if a != b]
    mean, projection = learn_whitening(x, np.array(pairs))
    read = read_whitening(tmp_path / "w.safetensors")
    assert (read.data, read.pairs, read.model_sha256) == ("photos", 60, extractor.info.sha256)
    np.testing.assert_allclose(read.mean, mean, rtol=1e-4)
    np.testing.assert_allclose(read.projection @ read.projection.T, projection @ projection.T, rtol=1e-2)
    np.testing.assert_array_equal(read.projection, learned.projection)
    with safe_open(tmp_path / "w.safetensors", framework="np") as file:
        assert file.metadata() == {
            "format": "dsc-whitening-1",
            "model_sha256": extractor.info.sha256,
            "feature_dim": "16",
            "data": "photos",
            "pairs": "60",
        }


def test_the_command_needs_no_torch(tiny_model: Path, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('no torch here', name='torch')\n")
    out = tmp_path / "w.safetensors"
    command = python_module("dsc_model", "whiten", str(tiny_model), str(photos), str(out))
    environment = {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"wrote {out}: F = 16, learned from 60 pairs of photos" in done.stderr
    assert read_whitening(out).pairs == 60


def test_a_photo_that_cannot_be_read_is_left_out_with_its_pairs(
    tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    for name in ("one/a.png", "one/b.png", "one/c.png", "two/d.png"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes((photos / "even" / "00.png").read_bytes())
    (tmp_path / "data/one/b.png").write_bytes((photos / "odd" / "01.png").read_bytes())
    (tmp_path / "data/one/c.png").write_bytes((photos / "odd" / "03.png").read_bytes()[:60])
    learned = whiten(tiny_model, tmp_path / "data", tmp_path / "w", say=said.append)
    assert learned.pairs == 2
    assert any(line.startswith("left out: ") and "c.png" in line for line in said)
    (tmp_path / "data/one/b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InvalidInputError, match="data has no pair of photos that can be read"):
        whiten(tiny_model, tmp_path / "data", tmp_path / "w")


def refused(*arguments: object) -> str:
    done = in_process.run("dsc_model", "whiten", *arguments)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


def test_bad_input_is_one_line(tiny_model: Path, photos: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.json"
    alone.write_text(json.dumps({"name": "alone", "images": [str(photos / "even")], "queries": []}))
    out = tmp_path / "w.safetensors"
    assert "is damaged" in refused(alone, photos, out)
    assert "no such file or folder" in refused(tiny_model, tmp_path / "none", out)
    assert f"cannot write the whitening to {tmp_path}: it is a folder" in refused(
        tiny_model, photos, tmp_path
    )
    assert "its folder does not exist" in refused(tiny_model, photos, tmp_path / "no" / "w")
    assert not out.exists()


def test_data_without_a_pair_is_refused(tiny_model: Path, photos: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "a.png").write_bytes((photos / "even" / "00.png").read_bytes())
    with pytest.raises(InvalidInputError, match=r"^data has no two photos of one group: there is no pair"):
        whiten(tiny_model, tmp_path / "data", tmp_path / "w")


def test_a_file_comes_back_as_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    mean, projection = rng.random(3, dtype=np.float32), rng.random((3, 3), dtype=np.float32)
    write_whitening(tmp_path / "w", Whitening(mean, projection.T, "b" * 64, "ü", 7))
    read = read_whitening(tmp_path / "w")
    np.testing.assert_array_equal(read.mean, mean)
    np.testing.assert_array_equal(read.projection, projection.T)
    assert (read.model_sha256, read.data, read.pairs, read.source) == ("b" * 64, "ü", 7, "7 pairs of ü")


DAMAGED = {
    "another format": ({**METADATA, "format": "other"}, tensors(), "expected a file of `dsc-model whiten`"),
    "no format": (None, tensors(), "expected a file of `dsc-model whiten`"),
    "no pairs": ({k: v for k, v in METADATA.items() if k != "pairs"}, tensors(), "lacks 'pairs'"),
    "pairs in words": ({**METADATA, "pairs": "many"}, tensors(), "is damaged"),
    "none of pairs": ({**METADATA, "pairs": "0"}, tensors(), "expected at least one pair, got 0"),
    "a hash of other length": ({**METADATA, "model_sha256": "ab"}, tensors(), "of a SHA-256, got 'ab'"),
    "half precision": (
        METADATA,
        {key: array.astype(np.float16) for key, array in tensors().items()},
        "expected mean in float32, got float16",
    ),
    "shapes": (METADATA, {**tensors(), "mean": np.zeros(3, dtype=np.float32)}, "expected a mean"),
    "not finite": (
        METADATA,
        {**tensors(), "mean": np.full(2, np.nan, np.float32)},
        "expected finite numbers",
    ),
    "a further tensor": (
        METADATA,
        {**tensors(), "more": np.zeros(1)},
        "expected a file of `dsc-model whiten`",
    ),
}


@pytest.mark.parametrize(("metadata", "arrays", "line"), DAMAGED.values(), ids=DAMAGED.keys())
def test_other_files_are_refused(
    metadata: dict[str, str] | None, arrays: dict[str, NDArray[np.generic]], line: str, tmp_path: Path
) -> None:
    save_file(arrays, tmp_path / "w", metadata)
    with pytest.raises(InvalidInputError, match=line) as caught:
        read_whitening(tmp_path / "w")
    assert str(tmp_path / "w") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"text of no tensors", b"\xff" * 64])
def test_what_is_no_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(InvalidInputError, match="is no safetensors file"):
        read_whitening(tmp_path / "w")
    with pytest.raises(InvalidInputError, match="cannot read"):
        read_whitening(tmp_path / "none")
