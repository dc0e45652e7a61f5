"""The folder of a demonstration: one at a time, and its own files only."""

from pathlib import Path

import pytest

from dsc_common.errors import InvalidInputError
from dsc_demo.outfolder import MARKER, reserved_out
from helpers.in_process import run


def test_a_second_demonstration_is_refused_and_removes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with reserved_out(out) as folder:
        (folder / "index").mkdir()
        done = run("dsc_demo", "gallery", "--out", out)
        assert done.returncode == 1
        assert done.stderr == f"error: another dsc-demo is writing to {out}: choose another --out\n"
        assert sorted(path.name for path in out.iterdir()) == [MARKER, "index"]
    with reserved_out(out):
        assert [path.name for path in out.iterdir()] == [MARKER]


def test_an_error_frees_the_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(InvalidInputError, match="was not written by dsc-demo"), reserved_out(tmp_path):
        pytest.fail("entered")
    with pytest.raises(KeyboardInterrupt), reserved_out(tmp_path / "out"):
        raise KeyboardInterrupt
    with reserved_out(tmp_path / "out") as folder:
        assert folder == tmp_path / "out"
