"""Query photos: files as they are named, folders by content and in order, lists, standard input."""

import io
import os
import shutil
import sys
from pathlib import Path

import pytest

from dsc_common.errors import InvalidInputError
from dsc_device import photo_list
from dsc_device.photo_list import read_photo_list
from dsc_device.photos import find_photos


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    return content


@pytest.fixture
def folder(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `in` of the current folder, with photos, and what is none."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "in"
    for name in ("b.png", "a/z.png", "a.png", "no suffix", "c/d/e.jfif", "byte \udcff.png"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photos / "even" / "00.png", place / name)
    (place / "notes.txt").write_text("no photo")
    (place / "film.png").write_bytes(b"....ftypisom....")
    (place / "broken.jpg").write_text("no photo, by its suffix one")
    (place / ".hidden.png").write_bytes(b"")
    (place / "@eaDir").mkdir()
    return place


def test_a_folder_holds_photos_by_their_content_in_the_order_of_their_paths(folder: Path) -> None:
    found = find_photos(["in"])
    assert [photo.name for photo in found.photos] == [
        *("in/a/z.png", "in/a.png", "in/b.png", "in/broken.jpg", "in/byte \udcff.png"),
        *("in/c/d/e.jfif", "in/no suffix"),
    ]
    assert all(photo.path == Path(photo.name) for photo in found.photos)
    assert found.errors == []
    assert sum(found.passed_over.values()) == 4
    assert (found.passed_over["videos"], found.passed_over["files that are no photos"]) == (1, 1)


def test_places_keep_their_order_and_may_be_named_twice(folder: Path) -> None:
    names = ["in/b.png", "absent.png", "in/a", "in/b.png"]
    assert [photo.name for photo in find_photos(names).photos] == [
        *("in/b.png", "absent.png", "in/a/z.png", "in/b.png"),
    ]


def test_what_cannot_be_looked_into_is_an_error(folder: Path) -> None:
    (folder / "lost").symlink_to("nowhere")
    (folder / "empty").mkdir()
    assert find_photos(["in"]).errors == [f"cannot read {folder / 'lost'}: leads to nowhere"]
    assert find_photos(["in/empty"]).errors == ["no photo in in/empty"]


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "in/b.png/c"])
def test_any_name_at_all_is_left_to_the_reading_of_photos(name: str, folder: Path) -> None:
    assert [photo.path for photo in find_photos([name]).photos] == [Path(name)]


def test_an_empty_path_is_not_the_current_folder(folder: Path) -> None:
    found = find_photos(["", "in/a.png"])
    assert [photo.name for photo in found.photos] == ["in/a.png"]
    assert found.errors == ["expected a photo or a folder, got an empty path"]
    with pytest.raises(InvalidInputError, match="expected a list of photos, got an empty path"):
        read_photo_list("", null=False)


def test_a_photo_on_standard_input(stdin: io.BytesIO, photos: Path) -> None:
    content = (photos / "even" / "00.png").read_bytes()
    stdin.write(content)
    stdin.seek(0)
    (photo,) = find_photos(["-"]).photos
    assert photo.name == "-"
    assert photo.path.read_bytes() == photo.path.read_bytes() == content
    assert photo.line_of(ValueError(f"not a photo: {photo.path}")) == "not a photo: -"
    with pytest.raises(InvalidInputError, match="'-' twice"):
        find_photos(["-", "-"])


def test_a_photo_on_standard_input_is_bounded(stdin: io.BytesIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsc_device.photos.MAX_FILE_BYTES", 1 << 20)
    stdin.write(bytes((1 << 20) + 1))
    stdin.seek(0)
    with pytest.raises(InvalidInputError, match=r"^expected a photo of at most 1 MiB on standard input$"):
        find_photos(["-"])


@pytest.mark.parametrize(
    ("content", "null", "paths"),
    [
        (b"a.jpg\nb c.jpg\n", False, ["a.jpg", "b c.jpg"]),
        (b"\xef\xbb\xbfa.jpg\r\n\r\n  \nlast", False, ["a.jpg", "last"]),
        (b"-\n#x\n \xff ", False, ["-", "#x", " \udcff "]),
        (b"a\nb\0c\0\0d", True, ["a\nb", "c", "d"]),
        (b"", False, []),
        (b"", True, []),
    ],
)
def test_lists_hold_a_path_a_line_or_ended_by_nul(
    content: bytes, null: bool, paths: list[str], stdin: io.BytesIO, tmp_path: Path
) -> None:
    (tmp_path / "list").write_bytes(content)
    assert read_photo_list(str(tmp_path / "list"), null=null) == paths
    stdin.write(content)
    stdin.seek(0)
    assert read_photo_list("-", null=null) == paths


def test_a_listed_dash_is_a_file(folder: Path) -> None:
    assert [photo.name for photo in find_photos([], ["-", "in/a"]).photos] == ["-", "in/a/z.png"]


def test_lists_that_cannot_be_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nul").write_bytes(b"a\0b\0")
    with pytest.raises(InvalidInputError, match=r"^expected one path a line, got a NUL in .*; --null reads"):
        read_photo_list(str(tmp_path / "nul"), null=False)
    for name, reason in (("absent", "No such file or directory"), (".", "Is a directory")):
        with pytest.raises(InvalidInputError, match=rf"^cannot read the list .*: {reason}$"):
            read_photo_list(str(tmp_path / name), null=False)
    monkeypatch.setattr(photo_list, "MAX_LIST_BYTES", 1 << 20)
    with pytest.raises(InvalidInputError, match=r"^expected a list of at most 1 MiB: /dev/zero$"):
        read_photo_list(os.devnull.replace("null", "zero"), null=False)
