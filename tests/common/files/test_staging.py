"""A directory appears whole or not at all, whatever interrupts it."""

import os
from pathlib import Path

import pytest

from dsc_common.errors import InvalidInputError
from dsc_common.files.staging import check_target, staged


def listing(folder: Path) -> dict[str, str]:
    """Every file below a folder with its content; folders end in a slash."""
    return {
        f"{path.relative_to(folder)}{'/' if path.is_dir() else ''}": "" if path.is_dir() else path.read_text()
        for path in folder.rglob("*")
    }


def write_new(folder: Path) -> None:
    (folder / "new").write_text("new")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "old").write_text("old")
    return tmp_path / "target"


def test_it_appears_at_the_end_and_not_before(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "target"
    with staged(target) as folder:
        write_new(folder)
        assert folder.parent == target.parent  # so that a rename will do
        assert not target.exists()
    assert listing(tmp_path) == {"a/": "", "a/b/": "", "a/b/target/": "", "a/b/target/new": "new"}
    assert target.stat().st_mode & 0o777 == 0o755


def test_it_replaces_what_was_there(target: Path) -> None:
    with staged(target) as folder:
        write_new(folder)
        assert listing(target) == {"old": "old"}
    assert listing(target.parent) == {"target/": "", "target/new": "new"}


def test_whoever_holds_the_old_one_open_keeps_it(target: Path) -> None:
    with (target / "old").open() as file:
        with staged(target) as folder:
            write_new(folder)
        assert file.read() == "old"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError, MemoryError])
def test_an_interruption_leaves_everything_as_it_was(error: type[BaseException], target: Path) -> None:
    before = listing(target.parent)

    def interrupted(place: Path) -> None:
        with staged(place) as folder:
            write_new(folder)
            (folder / "deep").mkdir()
            raise error

    for place in (target, target.parent / "absent"):
        with pytest.raises(error):
            interrupted(place)
        assert listing(target.parent) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("failing", [1, 2])
def test_an_interruption_of_the_swap_leaves_the_old_one(
    error: type[BaseException], failing: int, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = listing(target.parent)
    rename, calls = os.rename, []

    def interrupted(source: Path, place: Path) -> None:
        calls.append(place)
        if len(calls) == failing:
            raise error
        rename(source, place)

    monkeypatch.setattr(os, "rename", interrupted)

    def swap() -> None:
        with staged(target) as folder:
            write_new(folder)

    with pytest.raises(error):
        swap()
    assert len(calls) >= failing
    assert listing(target.parent) == before


def test_a_target_that_may_be_written(tmp_path: Path, target: Path) -> None:
    (tmp_path / "empty").mkdir()
    check_target(tmp_path / "absent", overwrite=False, is_ours=lambda _: False)
    check_target(tmp_path / "empty", overwrite=False, is_ours=lambda _: False)
    check_target(target, overwrite=True, is_ours=lambda _: True)


def test_a_target_that_may_not(tmp_path: Path, target: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(InvalidInputError, match=r"^expected a directory, got a file: [^\n]*file$"):
            check_target(file, overwrite=overwrite, is_ours=lambda _: True)
        with pytest.raises(InvalidInputError, match=r"^not empty and not an index directory, [^\n]*target$"):
            check_target(target, overwrite=overwrite, is_ours=lambda _: False)
    with pytest.raises(InvalidInputError, match=r"^there is an index already \(--overwrite [^\n]*target$"):
        check_target(target, overwrite=False, is_ours=lambda _: True)
