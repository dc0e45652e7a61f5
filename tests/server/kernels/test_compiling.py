"""Compiled code is kept where it can be, and compiled without a cache where it cannot."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", exc_type=ImportError)
from numba import types
from numba.core import config

from dsc_server.kernels import compiling
from dsc_server.kernels.compiling import compile_loop

if config.DISABLE_JIT:
    pytest.skip("NUMBA_DISABLE_JIT is set", allow_module_level=True)


def plus_one(values: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> None:
    for i in range(values.size):
        values[i] += 1


SIGNATURE = types.void(types.int64[::1])


def compiles() -> dict[str, int]:
    """Compile the loop, run it; what the cache did."""
    loop = compile_loop(plus_one, SIGNATURE)
    values = np.array([1, 2])
    loop(values)
    assert values.tolist() == [2, 3]
    stats = loop.stats  # type: ignore[attr-defined]
    return {"hits": sum(stats.cache_hits.values()), "misses": sum(stats.cache_misses.values())}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, which is not there yet."""
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "dsc-server" / "compiled"


def test_code_is_kept_in_the_users_cache_folder(folder: Path) -> None:
    before = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES
    assert compiles() == {"hits": 0, "misses": 1}
    assert list(folder.rglob("*.nbc"))
    assert folder.stat().st_mode & 0o077 == 0
    assert compiles() == {"hits": 1, "misses": 0}
    assert before == (config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES)


def test_numbas_own_variable_names_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = folder.parent / "own"
    monkeypatch.setattr(config, "CACHE_DIR", str(own))
    compiles()
    assert list(own.rglob("*.nbc"))
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_done_without(folder: Path) -> None:
    folder.parents[1].write_bytes(b"")  # a file where a folder should be
    assert compiles()["hits"] == 0
    folder.parents[1].unlink()
    folder.parent.mkdir(parents=True)
    folder.write_bytes(b"")
    assert compiles()["hits"] == 0


def test_a_user_without_a_home_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_folder(program: str) -> Path:
        raise compiling.DscError(f"no cache folder for {program}")

    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setattr(compiling, "cache_folder", no_folder)
    assert compiles()["hits"] == 0


def test_of_a_read_only_folder_what_is_there_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    compiles()
    monkeypatch.setattr("numba.core.caching.tempfile.TemporaryFile", refuse)
    monkeypatch.setattr("numba.core.caching.os.replace", refuse)
    assert compiles() == {"hits": 1, "misses": 0}
    for path in folder.rglob("*.nb*"):
        path.unlink()
    assert compiles() == {"hits": 0, "misses": 1}  # compiled once all the same
    assert not list(folder.rglob("*.nb*"))


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_damaged_files_are_passed_over(folder: Path, suffix: str) -> None:
    compiles()
    for path in folder.rglob(f"*{suffix}"):
        path.write_bytes(b"\x80\x04damaged")
    assert compiles()["hits"] == 0


def test_a_folder_that_others_can_write_to_is_not_read(folder: Path) -> None:
    compiles()
    folder.chmod(0o770)
    assert compiles()["hits"] == 0
    folder.chmod(0o700)
    assert compiles()["hits"] == 1
    if os.geteuid() == 0:
        os.chown(folder, 12345, 12345)
        assert compiles()["hits"] == 0


NAME = "from dsc_server.kernels.choice import kernels; print(kernels().name)"


@pytest.mark.parametrize(
    ("code", "variables", "expected"),
    [
        ("", {}, "numba"),
        ("import sys; sys.modules['numba'] = None; ", {}, "numpy"),
        ("", {"NUMBA_DISABLE_JIT": "1"}, "numpy"),
    ],
)
def test_arrays_compute_where_numba_does_not(code: str, variables: dict[str, str], expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code + NAME],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == expected


def test_importing_the_ranking_compiles_nothing() -> None:
    code = (
        "import sys; import dsc_server.retrieval, dsc_server.serving.services; print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
