"""Every file below a place is found once, and what is passed over has its reason."""

import os
import socket
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from dsc_common.files import walk as module
from dsc_common.files.litter import is_litter
from dsc_common.files.walk import Passed, walk


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def found(*places: Path, exclude: Sequence[str] = ()) -> tuple[list[str], dict[Passed, list[str]]]:
    """Paths below the first place's parent, and what was passed over."""
    top = places[0].resolve().parent
    passed: dict[Passed, list[str]] = defaultdict(list)

    def report(reason: Passed, path: Path, _detail: str) -> None:
        passed[reason].append(os.path.relpath(path, top))

    files = [os.path.relpath(file.path, top) for file in walk(places, exclude, report)]
    return files, dict(passed)


def test_files_in_their_order(tmp_path: Path) -> None:
    folder = touch(tmp_path / "x", "b", "a/2", "a/1", "c/d/e")
    assert found(folder) == (["x/b", "x/a/1", "x/a/2", "x/c/d/e"], {})
    assert found(folder / "b", folder / "c")[0] == ["b", "c/d/e"]


def test_linked_folders_and_files_are_followed_once(tmp_path: Path) -> None:
    folder = touch(tmp_path / "x", "real/1", "2022/2")
    touch(tmp_path, "other/3", "alone", "other/deep/4")
    (folder / "a_real").symlink_to("real")
    (folder / "album").symlink_to(tmp_path / "other")
    (folder / "again").symlink_to("album")
    (folder / "photo").symlink_to(tmp_path / "alone")
    (folder / "a_photo").symlink_to(folder / "real" / "1")
    (tmp_path / "other" / "up").symlink_to(folder)
    files, passed = found(folder)
    assert sorted(files) == ["x/2022/2", "x/again/3", "x/again/deep/4", "x/photo", "x/real/1"]
    assert passed == {Passed.TWICE: ["x/a_photo", "x/a_real", "x/album", "x/again/up"]}


def test_a_place_in_another_or_given_twice_is_found_once(tmp_path: Path) -> None:
    folder = touch(tmp_path / "x", "sub/1", "2")
    (tmp_path / "link").symlink_to("x")
    for places in ([folder, folder], [folder, tmp_path / "link"], [folder, folder / "sub"]):
        assert sorted(found(*places)[0]) == ["x/2", "x/sub/1"]
    assert sorted(found(folder / "sub", folder)[0]) == ["2", "sub/1"]
    assert found(folder, folder / "sub" / "1", folder / "2")[1] == {Passed.TWICE: ["x/sub/1", "x/2"]}


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    folder = touch(tmp_path / "x", "1")
    (folder / "gone").symlink_to("/gone/2.jpg")
    (folder / "loop").symlink_to("loop")
    (folder / "through").symlink_to("1/2")
    details = []
    files = list(walk([folder], (), lambda *report: details.append(report)))
    assert [file.below for file in files] == ["1"]
    assert details == [
        (Passed.BROKEN_LINK, folder / "gone", "leads to /gone/2.jpg"),
        (Passed.BROKEN_LINK, folder / "loop", "leads to loop"),
        (Passed.BROKEN_LINK, folder / "through", "leads to 1/2"),
    ]


def test_pipes_and_sockets_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = touch(tmp_path / "x", "1")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "to_pipe.jpg").symlink_to("pipe.jpg")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        names = ["x/pipe.jpg", "x/socket", "x/to_pipe.jpg"]
        assert found(folder) == (["x/1"], {Passed.SPECIAL: names})


def test_a_folder_without_permission_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = touch(tmp_path / "x", "1", "locked/2", "open/3")
    scandir = os.scandir

    def refusing(path: Path) -> "os._ScandirIterator[str]":
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)  # type: ignore[return-value, arg-type]

    monkeypatch.setattr(module.os, "scandir", refusing)  # for root, nothing is locked
    assert found(folder) == (["x/1", "x/open/3"], {Passed.LOCKED: ["x/locked"]})


def test_by_products_of_systems_and_hidden_files(tmp_path: Path) -> None:
    litter = ["@eaDir/1.jpg", "#recycle/2.jpg", ".Trash-1000/3.jpg", "lost+found/4.jpg", "__MACOSX/5.jpg"]
    folder = touch(tmp_path / "x", "1.jpg", "sub/@EADIR/6.jpg", "._1.jpg", ".hidden/7.jpg", ".8.jpg", *litter)
    files, passed = found(folder)
    assert files == ["x/1.jpg"]
    assert sorted(passed[Passed.LITTER]) == sorted(
        ["x/._1.jpg", "x/sub/@EADIR", *(f"x/{name.split('/', maxsplit=1)[0]}" for name in litter)]
    )
    assert sorted(passed[Passed.HIDDEN]) == ["x/.8.jpg", "x/.hidden"]
    assert found(folder / "@eaDir")[0] == ["@eaDir/1.jpg"]  # it was asked for
    assert found(folder / ".hidden", folder / ".8.jpg")[0] == [".hidden/7.jpg", ".8.jpg"]


def test_smaller_copies_in_libraries_of_photo_managers(tmp_path: Path) -> None:
    names = ["originals/1.jpg", "resources/derivatives/1.jpg", "Resources2/2.jpg"]
    library = touch(tmp_path / "x" / "My.photoslibrary", *names)
    touch(tmp_path / "x", "resources/3.jpg")
    files, passed = found(tmp_path / "x")
    assert files == [
        "x/My.photoslibrary/Resources2/2.jpg",
        "x/My.photoslibrary/originals/1.jpg",
        "x/resources/3.jpg",
    ]
    assert passed == {Passed.LITTER: ["x/My.photoslibrary/resources"]}
    assert len(found(library)[0]) == 2


@pytest.mark.parametrize("name", ["eaDir", "recycle", "trash", "thumbs", "lost and found", "DS_Store.jpg"])
def test_names_that_only_look_alike_are_kept(name: str) -> None:
    assert not is_litter(name)


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("sub", ["x/1.jpg", "x/2.png"]),
        ("sub/", ["x/1.jpg", "x/2.png"]),
        ("*.png", ["x/1.jpg", "x/sub/3.jpg"]),
        ("sub/*.jpg", ["x/1.jpg", "x/2.png", "x/sub/4.png"]),
        ("[12].*", ["x/sub/3.jpg", "x/sub/4.png"]),
        ("SUB", ["x/1.jpg", "x/2.png", "x/sub/3.jpg", "x/sub/4.png"]),
    ],
)
def test_excluded_by_pattern(pattern: str, kept: list[str], tmp_path: Path) -> None:
    folder = touch(tmp_path / "x", "1.jpg", "2.png", "sub/3.jpg", "sub/4.png")
    assert found(folder, exclude=[pattern])[0] == kept


def test_a_thousand_nested_folders(tmp_path: Path) -> None:
    folders = [tmp_path / "/".join("a" * depth) for depth in range(1, 1200)]
    for folder in folders:
        folder.mkdir()
    (folders[-1] / "1").touch()
    assert [file.path for file in walk([folders[0]], (), pytest.fail)] == [folders[-1] / "1"]  # type: ignore[arg-type]
    (folders[-1] / "1").unlink()
    for folder in reversed(folders):  # shutil.rmtree recurses
        folder.rmdir()
