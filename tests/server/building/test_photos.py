"""Photos of folders: their ids, their order, and what is refused."""

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlparse

import pytest
from PIL import Image

from dsc_common.errors import InvalidInputError
from dsc_common.files.walk import Found
from dsc_server.building import photos as photos_module
from dsc_server.building.photos import find_photos
from dsc_server.building.tally import Tally


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


def test_photos_with_one_id_get_longer_ones(tmp_path: Path) -> None:
    touch(tmp_path / "A" / "DCIM", "1.jpg", "2.jpg")
    touch(tmp_path / "B" / "DCIM", "1.jpg", "3.jpg")
    one, two = tmp_path / "A" / "DCIM", tmp_path / "B" / "DCIM"
    assert ids(one, two) == ["A/DCIM/1.jpg", "B/DCIM/1.jpg", "DCIM/2.jpg", "DCIM/3.jpg"]
    assert ids(one / "1.jpg", two / "1.jpg") == ["A/DCIM/1.jpg", "B/DCIM/1.jpg"]
    deep = touch(tmp_path / "C" / "B" / "DCIM", "1.jpg")
    assert ids(deep, one, two) == [
        "A/DCIM/1.jpg",
        "C/B/DCIM/1.jpg",
        "DCIM/2.jpg",
        "DCIM/3.jpg",
        f"{tmp_path.name}/B/DCIM/1.jpg",
    ]


def test_a_real_file_is_one_photo(tmp_path: Path) -> None:
    folder = touch(tmp_path / "A", "DCIM/1.jpg", "2.jpg")
    for places in ([folder, folder / "DCIM"], [folder, folder], [folder, folder / "2.jpg"]):
        tally = Tally(print)
        assert [photo.id for photo in find_photos(places, tally=tally)] == ["A/2.jpg", "A/DCIM/1.jpg"]
        assert tally.as_dict()["left_out"] == {}


def test_photos_are_told_by_content(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    picture = Image.new("RGB", (40, 40))
    for name in ("a.jfif", "b.HEIC", "no suffix", "c.txt"):
        picture.save(folder / name, format="JPEG")
    (folder / "real.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    (folder / "film.jpg").write_bytes(b"\0\0\0\x18ftypisom" + bytes(99))
    touch(folder, "empty.jpg", "notes.txt", "notes.TXT", "Makefile")
    said: list[str] = []
    tally = Tally(said.append)
    found = [photo.id for photo in find_photos([folder], tally=tally)]
    assert found == ["x/a.jfif", "x/b.HEIC", "x/c.txt", "x/empty.jpg", "x/no suffix"]
    tally.say_totals()
    assert any(line.startswith("left out in all: HEIC photos: 1 (") for line in said)
    assert "passed over: other files: 3 (2 .txt, 1 no suffix), MP4 videos: 1" in said


def test_files_that_cannot_be_opened_are_left_out_with_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = touch(tmp_path / "x", "a.jpg", "b.jpg")
    opened = os.open

    def refusing(path: Path, *options: int) -> int:
        if path == folder / "b.jpg":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *options)

    monkeypatch.setattr(os, "open", refusing)
    said: list[str] = []
    assert [photo.id for photo in find_photos([folder], tally=Tally(said.append))] == ["x/a.jpg"]
    assert said == [f"left out: {folder / 'b.jpg'}: Permission denied"]


def test_a_pipe_that_takes_the_place_of_a_photo_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = touch(tmp_path / "x", "a.jpg")
    os.mkfifo(folder / "b.jpg")
    places = [Found(folder, "a.jpg"), Found(folder, "b.jpg")]
    monkeypatch.setattr(photos_module, "walk", lambda *_: places)
    assert ids(folder) == ["x/a.jpg"]


def test_a_place_without_photos_among_others_is_a_note(tmp_path: Path) -> None:
    full, empty = touch(tmp_path / "full", "a.jpg"), touch(tmp_path / "empty", "notes.txt")
    (tmp_path / "broken").symlink_to("nowhere")
    said: list[str] = []
    places = [full, empty, tmp_path / "broken"]
    assert [photo.id for photo in find_photos(places, tally=Tally(said.append))] == ["full/a.jpg"]
    assert said == [f"left out: {tmp_path}/broken: leads to nowhere", f"left out: no photo in {empty}"]
    with pytest.raises(InvalidInputError, match=r"^no photo in [^\n]*empty \(expected JPEG, [^\n]*\)$"):
        find_photos([empty])
    with pytest.raises(InvalidInputError, match=r"^no photo in [^\n]*empty \(without --strict, [^\n]*\)$"):
        find_photos([full, empty], tally=Tally(said.append, strict=True))


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^no such file or folder: [^\n]*none$"):
        find_photos([tmp_path / "none"])
