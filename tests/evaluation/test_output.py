"""Files that an experiment writes: JSON that any reader accepts, and the committed ones."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import InvalidInputError
from dsc_eval.output import require_writable, write_json
from helpers.in_process import run

ROOT = Path(__file__).parents[2]
COMMITTED = sorted((ROOT / "results").rglob("*.json"))


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def strict(text: str) -> object:
    """JSON of RFC 8259: no Infinity and no NaN, which Python reads and other languages do not."""
    return json.loads(text, parse_constant=refuse)


def test_a_file_name_that_is_no_text_is_still_json(tmp_path: Path) -> None:
    value = {"ground_truth": "/data/\udcff σ.json"}
    write_json(tmp_path / "a.json", value)
    assert strict((tmp_path / "a.json").read_text()) == value


def test_numbers_that_json_lacks_are_text_that_float_reads(tmp_path: Path) -> None:
    value = {
        "snr_db": [0.0, math.inf, -math.inf],
        "deep": {"tuple": (math.nan, 1), "array number": np.float64("inf")},
        "text": "Infinity",
        "whole": [True, None, 3],
    }
    write_json(tmp_path / "a.json", value)
    assert strict((tmp_path / "a.json").read_text()) == {
        "snr_db": [0.0, "inf", "-inf"],
        "deep": {"tuple": ["nan", 1], "array number": "inf"},
        "text": "Infinity",
        "whole": [True, None, 3],
    }


@given(st.lists(st.floats(), max_size=5))
def test_every_number_comes_back(values: list[float]) -> None:
    folder = Path(__file__).parent  # only a name: nothing is written below
    written: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dsc_eval.output.write_text", lambda _, text: written.append(text))
        write_json(folder / "none.json", {"values": values})
    read = strict(written[0])
    assert isinstance(read, dict)
    assert [float(value) for value in read["values"]] == pytest.approx(values, nan_ok=True)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_results_are_json(path: Path) -> None:
    strict(path.read_text(encoding="utf-8"))


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for place in ("file", "file/new/er", "link"):
        out = tmp_path / place
        with pytest.raises(InvalidInputError, match="expected a folder"):
            require_writable(out)
        # The ground truth that is not there would be the next error.
        done = run("dsc_eval", "run", "compare", "--ground-truth", tmp_path / "none.json", "--out", out)
        assert (done.returncode, "expected a folder" in done.stderr) == (1, True)
    require_writable(tmp_path)
    require_writable(tmp_path / "new" / "er")


def test_a_folder_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, _mode: path != tmp_path)
    with pytest.raises(InvalidInputError, match=f"no permission to write in {tmp_path}"):
        require_writable(tmp_path / "new")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_a_name_is_that_of_a_file(name: str, tmp_path: Path) -> None:
    done = run(
        *("dsc_eval", "run", "compare", "--ground-truth", "none.json", "--out", tmp_path, "--name", name)
    )
    assert done.returncode == 1
    assert "expected the name of a file without folder" in done.stderr


def test_the_file_of_a_loss_is_refused_before_the_work_where_it_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for out, line in (
        (tmp_path, f"Is a directory: {tmp_path}"),
        (tmp_path / "pipe", f"not a regular file: {tmp_path / 'pipe'}"),
        (
            tmp_path / "file" / "loss.json",
            f"expected a folder, got a file or a broken link: {tmp_path / 'file'}",
        ),
    ):
        options = ("--index", "absent", "--model", "absent", "--ground-truth", "absent")
        done = run("dsc_eval", "loss", *options, "--out", out)
        assert (done.returncode, done.stderr) == (1, f"error: {line}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "pipe"]
