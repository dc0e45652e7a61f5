"""Ground truth files: what they say, and one clear line for each thing that is wrong."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dsc_common.benchmark.ground_truth import Benchmark, read_ground_truth
from dsc_common.errors import InvalidInputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("db/b.jpg", "db/a.jpg", "db/sub/c.PNG", "db/q.jpg", "more/d.jpg", "far/a.jpg", "far/z.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def entry(**changed: Any) -> dict[str, Any]:
    query = {
        "image": "q.jpg",
        "box": None,
        "positives": ["a.jpg", "sub/c.PNG"],
        "junk": ["b.jpg"],
        "group": "g",
    }
    whole = {
        "name": "test",
        "images": ["db"],
        "distractors": ["far"],
        "exclude_queries": True,
        "queries": [query],
    }
    return {**whole, **changed}


def query(**changed: Any) -> dict[str, Any]:
    return entry(queries=[{**entry()["queries"][0], **changed}])


def read(folder: Path, content: dict[str, Any]) -> Benchmark:
    (folder / "gt.json").write_text(json.dumps(content))
    return read_ground_truth(folder / "gt.json")


def names(benchmark: Benchmark, folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in benchmark.database]


def test_photos_below_the_folders_of_the_file_then_distractors(folder: Path) -> None:
    benchmark = read(folder, entry())
    assert benchmark.name == "test"
    assert names(benchmark, folder) == ["db/a.jpg", "db/b.jpg", "db/sub/c.PNG", "far/a.jpg", "far/z.jpg"]
    [only] = benchmark.queries
    assert only.path == folder / "db" / "q.jpg"
    assert (only.box, only.group) == (None, "g")
    assert {names(benchmark, folder)[i] for i in only.positives} == {"db/a.jpg", "db/sub/c.PNG"}
    assert {names(benchmark, folder)[i] for i in only.junk} == {"db/b.jpg"}


def test_queries_stay_in_the_database_unless_excluded(folder: Path) -> None:
    benchmark = read(folder, entry(exclude_queries=False))
    assert "db/q.jpg" in names(benchmark, folder)
    [only] = benchmark.queries
    assert {names(benchmark, folder)[i] for i in only.positives} == {"db/a.jpg", "db/sub/c.PNG"}


def test_a_byte_order_mark_is_passed_over(folder: Path) -> None:
    expected = read(folder, entry())
    (folder / "gt.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(entry()).encode())
    assert read_ground_truth(folder / "gt.json") == expected


def test_several_folders_of_images(folder: Path) -> None:
    benchmark = read(folder, entry(images=["db", "more"], distractors=[]))
    assert names(benchmark, folder)[-1] == "more/d.jpg"


def test_what_may_be_left_out(folder: Path) -> None:
    content = {"name": "t", "images": ["db"], "queries": [{"image": "q.jpg", "positives": ["a.jpg"]}]}
    benchmark = read(folder, content)
    [only] = benchmark.queries
    assert (only.box, only.junk, only.group) == (None, frozenset(), "q.jpg")
    assert len(benchmark.database) == 4


def test_a_box(folder: Path) -> None:
    [only] = read(folder, query(box=[1, 2.5, 30, 40])).queries
    assert only.box == (1.0, 2.5, 30.0, 40.0)


def test_a_positive_that_is_held_out_is_not_expected(folder: Path) -> None:
    first = {"image": "q.jpg", "positives": ["a.jpg", "b.jpg"]}
    second = {"image": "b.jpg", "positives": ["a.jpg", "q.jpg"], "junk": ["q.jpg", "sub/c.PNG"]}
    benchmark = read(folder, entry(queries=[first, second]))
    assert [[names(benchmark, folder)[i] for i in q.positives] for q in benchmark.queries] == [
        ["db/a.jpg"]
    ] * 2
    assert [names(benchmark, folder)[i] for i in benchmark.queries[1].junk] == ["db/sub/c.PNG"]


def test_what_is_no_photo_is_not_in_the_database(folder: Path) -> None:
    for name in ("notes.txt", "._a.jpg", ".thumbs/a.jpg"):
        (folder / "db" / name).parent.mkdir(exist_ok=True)
        (folder / "db" / name).touch()
    (folder / "db" / "folder.jpg").mkdir()
    assert names(read(folder, entry(distractors=[])), folder) == ["db/a.jpg", "db/b.jpg", "db/sub/c.PNG"]


def test_photos_are_recognised_by_content_too(folder: Path) -> None:
    Image.new("RGB", (40, 40)).save(folder / "db" / "e.jfif", format="JPEG")
    Image.new("RGB", (40, 40)).save(folder / "db" / "no suffix", format="PNG")
    benchmark = read(folder, query(positives=["e.jfif", "no suffix"]))
    assert {names(benchmark, folder)[i] for i in benchmark.queries[0].positives} == {
        "db/e.jfif",
        "db/no suffix",
    }


def test_links_are_followed_and_a_real_file_is_one_image(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "e.jpg").touch()
    (folder / "db" / "linked").symlink_to(folder / "elsewhere")
    (folder / "db" / "again.jpg").symlink_to(folder / "db" / "a.jpg")
    (folder / "db" / "loop").symlink_to(folder / "db")
    benchmark = read(folder, query(positives=["again.jpg", "linked/e.jpg"]))
    assert names(benchmark, folder)[:4] == ["db/a.jpg", "db/b.jpg", "db/linked/e.jpg", "db/sub/c.PNG"]
    [only] = benchmark.queries
    assert {names(benchmark, folder)[i] for i in only.positives} == {"db/a.jpg", "db/linked/e.jpg"}


def test_a_link_to_a_query_is_held_out_with_it(folder: Path) -> None:
    (folder / "db" / "copy.jpg").symlink_to(folder / "db" / "q.jpg")
    (folder / "more" / "copy too.jpg").symlink_to(folder / "db" / "q.jpg")
    benchmark = read(folder, entry(images=["db", "more"], distractors=[]))
    assert names(benchmark, folder) == ["db/a.jpg", "db/b.jpg", "db/sub/c.PNG", "more/d.jpg"]


def test_folders_inside_one_another_give_each_file_once(folder: Path) -> None:
    benchmark = read(folder, query(positives=["c.PNG"]) | {"images": ["db", "db/sub"], "distractors": []})
    assert names(benchmark, folder) == ["db/a.jpg", "db/b.jpg", "db/sub/c.PNG"]
    assert benchmark.queries[0].positives == {2}


@pytest.mark.parametrize("distractors", [["db"], ["."], ["db/sub", "linked"]])
def test_images_and_held_out_queries_are_no_distractors(distractors: list[str], folder: Path) -> None:
    (folder / "linked").symlink_to(folder / "db")
    alone = read(folder, entry(distractors=[]))
    benchmark = read(folder, entry(distractors=distractors))
    assert benchmark.database[: len(alone.database)] == alone.database
    further = [name for name in names(benchmark, folder)[len(alone.database) :]]
    assert further == (["far/a.jpg", "far/z.jpg", "more/d.jpg"] if distractors == ["."] else [])
    assert benchmark.notices[0].endswith(
        "distractors are also in the folders of images and are not added again"
    )


def test_query_photos_that_count_as_wrong_answers_get_a_note(folder: Path) -> None:
    line = (
        "test: 1 query photos are in the database and count as wrong answers, first q.jpg; "
        "exclude_queries leaves them out, junk ignores them"
    )
    assert read(folder, entry(exclude_queries=False)).notices == (line,)
    assert read(folder, entry()).notices == ()
    junk = query(junk=["b.jpg", "q.jpg"]) | {"exclude_queries": False}
    assert read(folder, junk).notices == ()
    itself = query(positives=["q.jpg", "a.jpg"]) | {"exclude_queries": False}
    assert read(folder, itself).notices == ()


def test_broken_links_and_locked_folders_get_a_note(folder: Path) -> None:
    (folder / "db" / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / "far" / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    assert read(folder, entry()).notices == (
        f"test: 1 broken links are left out, first {folder}/db/gone.jpg",
        f"test: 1 broken links are left out, first {folder}/far/gone.jpg",
    )


BAD = {
    "no name": ({"images": ["db"], "queries": []}, "is no ground truth: name: "),
    "no images": (entry(images=[]), "is no ground truth: images: "),
    "no queries": (entry(queries=[]), "is no ground truth: queries: "),
    "a misspelt name": (entry(distracters=[]), "is no ground truth: distracters: "),
    "a misspelt name in a query": (query(junks=[]), "is no ground truth: queries.0.junks: "),
    "a box of three": (query(box=[1, 2, 3]), "is no ground truth: queries.0.box"),
    "positives that are no list": (query(positives="a.jpg"), "is no ground truth: queries.0.positives: "),
    "a folder that is not there": (entry(images=["none"]), "no such folder: "),
    "distractors that are not there": (entry(distractors=["none"]), "no such folder: "),
    "two photos of one name": (entry(images=["db", "far"]), "two photos are called a.jpg: "),
    "a query that is not there": (query(image="x.jpg"), "names 1 photos that are not there, first x.jpg"),
    "a query among the distractors": (query(image="z.jpg"), "names 1 photos that are not there, first z.jpg"),
    "positives that are not there": (
        query(positives=["a.jpg", "y.jpg", "x.jpg"]),
        "names 2 photos that are not there, first x.jpg",
    ),
    "junk that is not there": (query(junk=["x.jpg"]), "names 1 photos that are not there, first x.jpg"),
    "no positives": (query(positives=[]), "the query q.jpg has no positives in the database"),
    "positive and junk": (
        query(junk=["b.jpg", "a.jpg"]),
        "the query q.jpg has images that are both positive and junk",
    ),
    "a box that ends before it begins": (
        query(box=[10, 20, 5, 40]),
        "expected a box x0 y0 x1 y1 of q.jpg, got [10.0, 20.0, 5.0, 40.0]",
    ),
    "a box from before the photo": (
        query(box=[-1, 0, 5, 40]),
        "expected a box x0 y0 x1 y1 of q.jpg, got [-1.0, 0.0, 5.0, 40.0]",
    ),
    "a box of no number": (
        query(box=[0, 0, float("nan"), 40]),
        "expected a box x0 y0 x1 y1 of q.jpg, got [0.0, 0.0, nan, 40.0]",
    ),
    "only itself": (query(positives=["q.jpg"]), "the query q.jpg has no positives in the database"),
}


@pytest.mark.parametrize(("content", "line"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_told(content: dict[str, Any], line: str, folder: Path) -> None:
    with pytest.raises(InvalidInputError, match=rf"^[^\n]*{re.escape(line)}[^\n]*$"):
        read(folder, content)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (".hidden.jpg", "hidden files and folders are passed over"),
        (".thumbs/a.jpg", "hidden files and folders are passed over"),
        ("photo.jxl", "JPEG XL: "),
        ("notes.txt", "not a photo"),
        ("gone.jpg", "broken links are passed over"),
    ],
)
def test_a_named_file_that_is_there_but_not_read_says_why(name: str, why: str, folder: Path) -> None:
    (folder / "db" / ".thumbs").mkdir()
    for other in (".hidden.jpg", ".thumbs/a.jpg", "notes.txt"):
        (folder / "db" / other).touch()
    (folder / "db" / "photo.jxl").write_bytes(b"\xff\x0a" + bytes(20))
    (folder / "db" / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    line = f"gt.json names 1 files that are not read, first {name}: {why}"
    with pytest.raises(InvalidInputError, match=re.escape(line)):
        read(folder, query(positives=["a.jpg", name]))


@pytest.mark.parametrize("data", [b"", b"x", b"[]", b"\xff", b"null"])
def test_what_is_no_json_object_is_told(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "gt.json").write_bytes(data)
    with pytest.raises(InvalidInputError, match=r"^[^\n]*gt\.json is no ground truth: the file: [^\n]*$"):
        read_ground_truth(tmp_path / "gt.json")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^cannot read [^\n]*gt\.json: No such file or directory$"):
        read_ground_truth(tmp_path / "gt.json")
