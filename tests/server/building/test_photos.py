"""Photos of folders: their ids, their order, and what is refused."""

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlparse

import pytest

from dsc_common.errors import InvalidInputError
from dsc_server.building.photos import find_photos


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def ids(*places: Path) -> list[str]:
    return [photo.id for photo in find_photos(places)]


def test_ids_are_folder_and_path_below_it_in_their_order(tmp_path: Path) -> None:
    folder = touch(
        tmp_path / "far" / "holiday", "b.jpg", "a.PNG", "day 1/c.jpeg", "day 1/deep/d.tiff", "é.webp"
    )
    expected = [
        "holiday/a.PNG",
        "holiday/b.jpg",
        "holiday/day 1/c.jpeg",
        "holiday/day 1/deep/d.tiff",
        "holiday/é.webp",
    ]
    assert ids(folder) == expected
    assert [photo.path.name for photo in find_photos([folder])] == [name.split("/")[-1] for name in expected]


def test_ids_do_not_depend_on_where_the_folder_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("one", "two/three"):
        touch(tmp_path / place / "holiday", "a.jpg")
    assert (
        ids(tmp_path / "one" / "holiday") == ids(tmp_path / "two" / "three" / "holiday") == ["holiday/a.jpg"]
    )
    monkeypatch.chdir(tmp_path / "one" / "holiday")
    assert ids(Path()) == ids(Path("../holiday")) == ["holiday/a.jpg"]


def test_a_file_is_its_name(tmp_path: Path) -> None:
    folder = touch(tmp_path, "a.jpg", "sub/b.jpg")
    assert ids(folder / "a.jpg", folder / "sub" / "b.jpg") == ["a.jpg", "b.jpg"]


def test_other_files_and_hidden_ones_are_passed_over(tmp_path: Path) -> None:
    folder = touch(
        tmp_path / "x",
        "a.jpg",
        "readme.txt",
        "a.jpg.part",
        "noext",
        ".b.jpg",
        "._a.jpg",
        ".trash/c.jpg",
        "d.mov",
    )
    (folder / "folder.jpg").mkdir()
    assert ids(folder) == ["x/a.jpg"]


def test_places_below_a_hidden_folder_are_searched(tmp_path: Path) -> None:
    assert ids(touch(tmp_path / ".cache" / "x", "a.jpg")) == ["x/a.jpg"]


def test_a_link_to_a_folder_above_is_no_endless_search(tmp_path: Path) -> None:
    folder = touch(tmp_path / "x", "a.jpg")
    (folder / "again").symlink_to(folder)
    assert ids(folder) == ["x/a.jpg"]


def test_the_uri_names_the_file(tmp_path: Path) -> None:
    folder = touch(tmp_path / "ü b", "a#1 100%.jpg")
    [photo] = find_photos([folder])
    assert photo.uri.startswith("file:///")
    assert unquote_to_bytes(urlparse(photo.uri).path) == os.fsencode(folder.resolve() / "a#1 100%.jpg")


def test_a_name_that_is_no_text_gets_an_id_that_is(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    name = os.fsencode(folder) + b"/caf\xe9.jpg"
    with open(name, "wb"):  # noqa: PTH123 (the name is bytes)
        pass
    [photo] = find_photos([folder])
    assert photo.id == "x/caf\\xe9.jpg"
    assert photo.path.is_file()
    assert unquote_to_bytes(urlparse(photo.uri).path).endswith(b"caf\xe9.jpg")
    [alone] = find_photos([photo.path])
    assert alone.id == "caf\\xe9.jpg"


def test_two_photos_with_one_id_are_refused(tmp_path: Path) -> None:
    one, two = touch(tmp_path / "1" / "x", "a.jpg"), touch(tmp_path / "2" / "x", "a.jpg")
    line = r"^two photos have the id x/a\.jpg: [^\n]*1/x/a\.jpg and [^\n]*2/x/a\.jpg$"
    with pytest.raises(InvalidInputError, match=line):
        find_photos([one, two])
    with pytest.raises(InvalidInputError, match=r"^two photos have the id a\.jpg: "):
        find_photos([one / "a.jpg", two / "a.jpg"])


def test_a_place_without_photos_is_refused(tmp_path: Path) -> None:
    full, empty = touch(tmp_path / "full", "a.jpg"), touch(tmp_path / "empty", "notes.txt")
    with pytest.raises(InvalidInputError, match=r"^no photo in [^\n]*empty \(expected \.bmp, [^\n]*\)$"):
        find_photos([full, empty])


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^no such file or folder: [^\n]*none$"):
        find_photos([tmp_path / "none"])
