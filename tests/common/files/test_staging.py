"""A directory appears whole or not at all, whatever interrupts it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dsc_common.errors import InvalidInputError
from dsc_common.files import exchange, mounts
from dsc_common.files.staging import check_target, real_target, reserved, staged


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


def test_a_write_protected_folder_is_replaced_and_removed(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove(folder: Path, ignore_errors: bool) -> None:  # root may remove anything
        if folder.stat().st_mode & 0o300 == 0o300:
            rmtree(folder, ignore_errors=ignore_errors)

    rmtree = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", remove)
    target.chmod(0o555)
    with staged(target) as folder:
        write_new(folder)
    assert listing(target.parent) == {"target/": "", "target/new": "new"}
    left = target.with_name(".target.partial-killed")
    left.mkdir(mode=0o555)
    with reserved(target):
        assert not left.exists()


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
@pytest.mark.parametrize("failing", [1, 2, 3, 4])
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

    monkeypatch.setattr(exchange, "_exchange_at_once", lambda _one, _other: False)
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


@pytest.mark.parametrize("at_once", [True, False])
def test_two_folders_change_places(at_once: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not at_once:
        monkeypatch.setattr(exchange, "_exchange_at_once", lambda _one, _other: False)
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "is").write_text(name)
    exchange.exchange(tmp_path / "a", tmp_path / "b")
    assert listing(tmp_path) == {"a/": "", "b/": "", "a/is": "b", "b/is": "a"}
    with pytest.raises(FileNotFoundError):
        exchange.exchange(tmp_path / "a", tmp_path / "none")
    assert listing(tmp_path) == {"a/": "", "b/": "", "a/is": "b", "b/is": "a"}


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_appears_at_the_target_meanwhile_is_kept(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "target"

    def stage() -> None:
        with staged(target, lambda _old: False) as folder:
            write_new(folder)
            if kind == "file":
                target.write_text("years of work")
            elif kind == "folder":
                target.mkdir()
                (target / "thesis").write_text("years of work")
            else:
                target.symlink_to("nowhere")

    with pytest.raises(InvalidInputError, match=r"^something has appeared there meanwhile, [^\n]*target$"):
        stage()
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert target.is_symlink() or "years of work" in listing(tmp_path).values()


def test_what_changes_while_it_is_looked_at_is_kept(target: Path) -> None:
    def may_replace(old: Path) -> bool:
        is_first = old == target
        if is_first:
            (old / "thesis").write_text("years of work")
        return is_first

    def stage() -> None:
        with staged(target, may_replace) as folder:
            write_new(folder)

    with pytest.raises(InvalidInputError, match=r"^something has appeared"):
        stage()
    assert listing(target.parent) == {"target/": "", "target/old": "old", "target/thesis": "years of work"}


def test_an_empty_folder_at_the_target_is_filled(tmp_path: Path) -> None:
    with staged(tmp_path / "target", lambda _old: False) as folder:
        write_new(folder)
        (tmp_path / "target").mkdir()
    assert listing(tmp_path) == {"target/": "", "target/new": "new"}


def test_an_empty_folder_is_filled_where_renaming_does_not_replace_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def strict(source: Path, place: Path) -> None:
        if Path(place).exists():
            raise FileExistsError(17, "File exists", str(place))
        rename(source, place)

    monkeypatch.setattr(os, "rename", strict)
    (tmp_path / "target").mkdir()
    with staged(tmp_path / "target", lambda _old: False) as folder:
        write_new(folder)
    assert listing(tmp_path) == {"target/": "", "target/new": "new"}


def test_the_target_is_where_links_lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    (tmp_path / "dangling").symlink_to("disk/later")
    (tmp_path / "loop").symlink_to("loop")
    assert real_target(tmp_path / "link") == tmp_path / "disk"
    assert real_target(tmp_path / "dangling") == tmp_path / "disk" / "later"
    assert real_target(tmp_path / "link" / "below") == tmp_path / "disk" / "below"
    monkeypatch.chdir(tmp_path / "disk")
    assert real_target(Path()) == tmp_path / "disk"
    with pytest.raises(InvalidInputError, match=r"^expected a directory, got a link that leads to itself"):
        real_target(tmp_path / "loop")


def test_a_mount_point_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match=r"^a mount point cannot be replaced: /proc \(a folder in it"):
        real_target(Path("/proc"))
    place = tmp_path / "a b"  # mounted from the same file system, as a container's volume may be
    listed = f"36 35 98:0 /x {tmp_path}/a\\040b rw - ext4 /dev/root rw\n"
    (tmp_path / "mountinfo").write_text(listed)
    monkeypatch.setattr(mounts, "_MOUNTS", tmp_path / "mountinfo")
    with pytest.raises(InvalidInputError, match=r"^a mount point cannot be replaced: "):
        real_target(place)
    assert real_target(place / "index") == place / "index"


def test_one_at_a_time_writes_a_directory(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with reserved(target):
        with pytest.raises(InvalidInputError, match=r"^another process is writing [^\n]*target$"):
            reserved(target).__enter__()
        with reserved(tmp_path / "other"):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_holds_no_lock_and_its_rest_is_removed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    program = (
        "import sys; from pathlib import Path; from dsc_common.files.staging import reserved, staged\n"
        "t = Path(sys.argv[1])\nwith reserved(t), staged(t) as folder:\n"
        "  (folder / 'half').write_text('x'); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, target]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(InvalidInputError, match=r"^another process is writing"):
            reserved(target).__enter__()
        assert len(list(tmp_path.iterdir())) == 2
        process.kill()
        process.wait()
    assert len(list(tmp_path.iterdir())) == 2  # nothing of it was removed by itself
    with reserved(target):
        assert [path.name for path in tmp_path.iterdir()] == [".target.lock"]
    assert list(tmp_path.iterdir()) == []


def test_what_someone_works_in_is_not_removed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with staged(target) as folder:
        write_new(folder)
        with reserved(target):
            assert (folder / "new").exists()
    assert listing(tmp_path) == {"target/": "", "target/new": "new"}


def test_a_directory_that_a_killed_process_moved_aside_comes_back(target: Path) -> None:
    target.rename(target.parent / ".target.partial-1.old")
    with reserved(target):
        assert listing(target) == {"old": "old"}


def test_folders_made_for_it_vanish_on_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with reserved(tmp_path / "a" / "b" / "target"):
            raise InvalidInputError("no photo")

    with pytest.raises(InvalidInputError, match=r"^no photo$"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(path: Path, *_options: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(PermissionError) as caught:
        reserved(tmp_path / "target").__enter__()
    assert caught.value.filename == str(tmp_path)


def test_a_directory_in_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for target in (tmp_path / "file" / "target", tmp_path / "file" / "a" / "target"):
        with pytest.raises(InvalidInputError, match=r"^expected a folder, got a file: [^\n]*file$"):
            reserved(target).__enter__()
