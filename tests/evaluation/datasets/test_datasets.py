"""Published data sets in miniature: whole copies, incomplete ones, and what is no copy at all."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery, without_images
from dsc_common.errors import InvalidInputError
from dsc_eval.datasets import holidays, oxford, ukbench
from dsc_eval.datasets.folder import with_distractors
from dsc_eval.datasets.oxford import PARIS_DAMAGED
from dsc_eval.datasets.registry import DATASETS, read_benchmark

SIZE = (80, 60)


def photo(path: Path, size: tuple[int, int] = SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


def names(benchmark: Benchmark, numbers: frozenset[int]) -> set[str]:
    return {benchmark.database[number].stem for number in numbers}


def read(name: str, folder: Path) -> Benchmark:
    return read_benchmark(f"{name}:{folder}")


def landmark(folder: Path, query: str, photo_and_box: str, good: str, ok: str, junk: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{query}_query.txt").write_text(f"{photo_and_box}\n")
    for kind, text in (("good", good), ("ok", ok), ("junk", junk)):
        (folder / f"{query}_{kind}.txt").write_text("".join(f"{name}\n" for name in text.split()))


@pytest.fixture
def oxford5k(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(oxford, "OXFORD_IMAGES", 6)
    monkeypatch.setattr(oxford, "QUERIES", 2)
    for number in range(5):
        photo(tmp_path / "jpg" / f"all_souls_{number:06d}.jpg")
    photo(tmp_path / "jpg" / "balliol_000001.jpg")
    landmark(
        tmp_path / "gt",
        "all_souls_1",
        "oxc1_all_souls_000001 6.5 4.1 48.5 55.7",
        "all_souls_000001 all_souls_000002",
        "all_souls_000003",
        "all_souls_000004",
    )
    landmark(tmp_path / "gt", "christ_church_3", "oxc1_balliol_000001 0 0 80 60", "", "balliol_000001", "")
    return tmp_path


def test_oxford5k(oxford5k: Path) -> None:
    benchmark = read("oxford5k", oxford5k)
    assert (benchmark.name, benchmark.notices, len(benchmark.database)) == ("oxford5k", (), 6)
    souls, church = benchmark.queries
    assert souls.path == oxford5k / "jpg" / "all_souls_000001.jpg"
    assert (souls.box, souls.group) == ((6.5, 4.1, 48.5, 55.7), "all_souls")
    assert names(benchmark, souls.positives) == {f"all_souls_00000{i}" for i in (1, 2, 3)}  # good and ok
    assert names(benchmark, souls.junk) == {"all_souls_000004"}
    assert (church.group, names(benchmark, church.positives)) == ("christ_church", {"balliol_000001"})


def test_linked_folders_of_photos_and_of_ground_truth_are_read(oxford5k: Path) -> None:
    expected = read("oxford5k", oxford5k)
    for name in ("jpg", "gt"):
        (oxford5k / name).rename(oxford5k.parent / name)
        (oxford5k / name).symlink_to(oxford5k.parent / name)
    linked = read("oxford5k", oxford5k)
    assert (linked.name, linked.notices, len(linked.database)) == ("oxford5k", (), 6)
    assert [query.positives for query in linked.queries] == [query.positives for query in expected.queries]


def test_a_byte_order_mark_belongs_to_no_name(oxford5k: Path) -> None:
    expected = read("oxford5k", oxford5k)
    for path in oxford5k.rglob("*.txt"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read("oxford5k", oxford5k) == expected


def test_an_incomplete_oxford5k_is_used_as_far_as_it_goes(oxford5k: Path) -> None:
    for name in ("all_souls_000003", "balliol_000001"):
        (oxford5k / "jpg" / f"{name}.jpg").unlink()
    benchmark = read("oxford5k", oxford5k)
    assert benchmark.notices == (
        "oxford5k: 2 of 6 images are missing, first all_souls_000003.jpg; 1 of 2 queries are left out",
    )
    [only] = benchmark.queries
    assert names(benchmark, only.positives) == {"all_souls_000001", "all_souls_000002"}


def test_images_that_no_query_names_are_counted_too(oxford5k: Path) -> None:
    (oxford5k / "jpg" / "all_souls_000000.jpg").unlink()
    assert read("oxford5k", oxford5k).notices == ("oxford5k: 1 of 6 images are missing",)


def test_a_published_box_is_cut_at_the_edge_and_told(oxford5k: Path) -> None:
    (oxford5k / "gt" / "all_souls_1_query.txt").write_text("oxc1_all_souls_000001 -1 4 80.5 55")
    benchmark = read("oxford5k", oxford5k)
    assert benchmark.queries[0].box == (0, 4, 80, 55)
    assert benchmark.notices == (
        "oxford5k: 1 boxes of queries reach beyond their photos and are cut at the edge",
    )


def test_paris6k_has_sub_folders_no_prefix_and_damaged_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oxford, "PARIS_IMAGES", 3)
    monkeypatch.setattr(oxford, "QUERIES", 1)
    for name in ("louvre/paris_louvre_000001", "louvre/paris_louvre_000002", "eiffel/paris_eiffel_000001"):
        photo(tmp_path / "paris" / f"{name}.jpg")
    (tmp_path / "paris" / "louvre" / "paris_louvre_000136.jpg").write_text("<html>302 Found</html>")
    names_of = "paris_louvre_000001 paris_louvre_000002 paris_louvre_000136"
    landmark(tmp_path / "lab", "louvre_1", "paris_louvre_000001 1 2 30 40", names_of, "", "")
    benchmark = read("paris6k", tmp_path)
    assert (benchmark.notices, len(benchmark.database)) == ((), 3)
    assert names(benchmark, benchmark.queries[0].positives) == {"paris_louvre_000001", "paris_louvre_000002"}


def test_twenty_photos_of_paris_are_damaged() -> None:
    assert len(PARIS_DAMAGED) == 20
    assert {"paris_museedorsay_001059", "paris_triomphe_000867"} <= PARIS_DAMAGED


OXFORD_WRONG = {
    "a box of three": ("all_souls_1_query.txt", b"oxc1_all_souls_000001 1 2 3", "expected a photo and four"),
    "words": ("all_souls_1_query.txt", b"oxc1_all_souls_000001 a b c d", "expected a photo and four numbers"),
    "an empty box": ("all_souls_1_query.txt", b"oxc1_all_souls_000001 5 5 5 9", "expected a box x0 y0 x1 y1"),
    "nan": ("all_souls_1_query.txt", b"oxc1_all_souls_000001 nan 5 6 9", "expected a box x0 y0 x1 y1"),
    "outside": ("all_souls_1_query.txt", b"oxc1_all_souls_000001 90 5 99 9", "is outside of 80 x 60 pixels"),
    "no text": ("all_souls_1_ok.txt", b"\xff\xfe", "expected a text file"),
    "too much": ("all_souls_1_ok.txt", b"x" * (1 << 21), "expected a file of at most"),
}


@pytest.mark.parametrize(("file", "data", "line"), OXFORD_WRONG.values(), ids=OXFORD_WRONG.keys())
def test_a_wrong_ground_truth_of_oxford5k_is_told(file: str, data: bytes, line: str, oxford5k: Path) -> None:
    (oxford5k / "gt" / file).write_bytes(data)
    with pytest.raises(InvalidInputError, match=rf"^[^\n]*{re.escape(line)}[^\n]*$"):
        read("oxford5k", oxford5k)


def test_what_is_no_oxford5k_is_told(oxford5k: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no such folder"):
        read("oxford5k", tmp_path / "none")
    photo(oxford5k / "copy" / "all_souls_000001.jpg")
    with pytest.raises(InvalidInputError, match="two photos are called all_souls_000001: "):
        read("oxford5k", oxford5k)
    with pytest.raises(InvalidInputError, match="no ground truth in"):
        read("oxford5k", oxford5k / "jpg")
    with pytest.raises(InvalidInputError, match="no photos in"):
        read("oxford5k", oxford5k / "gt")
    (oxford5k / "gt" / "all_souls_1_junk.txt").unlink()
    (oxford5k / "copy" / "all_souls_000001.jpg").unlink()
    with pytest.raises(InvalidInputError, match=r"^cannot read [^\n]*all_souls_1_junk.txt: No such file"):
        read("oxford5k", oxford5k)


def test_no_query_left_is_told(oxford5k: Path) -> None:
    for path in (oxford5k / "jpg").glob("*00[12].jpg"):
        path.unlink()
    with pytest.raises(InvalidInputError, match=r"^oxford5k: 3 of 6 images[^\n]*: no query is left$"):
        read("oxford5k", oxford5k)


def test_holidays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holidays, "IMAGES", 5)
    monkeypatch.setattr(holidays, "QUERIES", 2)
    for folder, number in (("jpg1", 100000), ("jpg1", 100001), ("jpg1", 100002)):
        photo(tmp_path / folder / f"{number}.jpg")
    photo(tmp_path / "notes.png")
    whole = {"database": [100000, 100001, 100002], "positives": {"100001", "100002"}}
    half = read("holidays", tmp_path)
    assert half.notices == (
        "holidays: 2 of 5 images are missing, first 100100.jpg; 1 of 2 queries are left out",
    )
    for number in (100100, 100101):
        photo(tmp_path / "jpg2" / f"{number}.jpg")
    both = read("holidays", tmp_path)
    assert both.notices == ()
    assert [path.stem for path in half.database] == [str(number) for number in whole["database"]]
    for benchmark in (half, both):
        first = benchmark.queries[0]
        assert (first.path.stem, first.box, first.group) == ("100000", None, "1000")
        assert names(benchmark, first.positives) == whole["positives"]
        assert names(benchmark, first.junk) == {"100000"}  # the query's own photo counts neither way
    assert names(both, both.queries[1].positives) == {"100101"}


def test_holidays_without_a_query_leaves_its_group_to_the_database(tmp_path: Path) -> None:
    for number in (100001, 100002, 100100, 100101, 100200):
        photo(tmp_path / f"{number}.jpg")
    benchmark = read("holidays", tmp_path)
    assert [query.path.stem for query in benchmark.queries] == ["100100"]
    assert len(benchmark.database) == 5
    assert benchmark.notices == (
        "holidays: 1486 of 1491 images are missing, first 100000.jpg; 499 of 500 queries are left out",
    )


def test_ukbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ukbench, "IMAGES", 8)
    for number in range(8):
        photo(tmp_path / "full" / f"ukbench{number:05d}.jpg")
        photo(tmp_path / "thumbnails" / f"ukbench{number:05d}.jpg")
    benchmark = read("ukbench", tmp_path)
    assert (benchmark.notices, len(benchmark.queries)) == ((), 8)
    assert {path.parent.name for path in benchmark.database} == {"full"}
    for number, query in enumerate(benchmark.queries):
        group = range(number // 4 * 4, number // 4 * 4 + 4)
        assert query.path == benchmark.database[number]
        assert (query.positives, query.junk) == (frozenset(group), frozenset())
        assert query.group == f"object-{number // 4:04d}"
    one_out = read("ukbench-leave-one-out", tmp_path)
    assert [query.positives for query in one_out.queries[:2]] == [frozenset({1, 2, 3}), frozenset({0, 2, 3})]
    assert [query.junk for query in one_out.queries[:2]] == [frozenset({0}), frozenset({1})]


def test_an_object_that_lacks_a_photo_cannot_score_four_and_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ukbench, "IMAGES", 12)
    for number in (0, 1, 2, 3, 4, 5, 8):
        photo(tmp_path / f"ukbench{number:05d}.jpg")
    benchmark = read("ukbench", tmp_path)
    assert benchmark.notices == (
        "ukbench: 5 of 12 images are missing, first ukbench00006.jpg; 8 of 12 queries are left out",
    )
    assert [query.path.stem[-2:] for query in benchmark.queries] == ["00", "01", "02", "03"]
    assert len(benchmark.database) == 7
    one_out = read("ukbench-leave-one-out", tmp_path)
    assert [query.path.stem[-2:] for query in one_out.queries] == ["00", "01", "02", "03", "04", "05"]


def test_distractors_come_last_and_once(tmp_path: Path) -> None:
    for name in ("own/a.jpg", "own/q.jpg", "more/b.jpg", "more/sub/c.jpg"):
        photo(tmp_path / name)
    query = EvaluationQuery(tmp_path / "own" / "q.jpg", None, frozenset({0}), frozenset(), "g")
    benchmark = Benchmark("own", [tmp_path / "own" / "a.jpg"], [query], ("said",))
    larger = with_distractors(benchmark, [tmp_path / "more", tmp_path / "own"])
    assert [path.name for path in larger.database] == ["a.jpg", "b.jpg", "c.jpg"]
    assert (larger.queries, larger.notices) == (benchmark.queries, ("said",))
    assert with_distractors(benchmark, []) is benchmark
    with pytest.raises(InvalidInputError, match="no such file or folder"):
        with_distractors(benchmark, [tmp_path / "none"])


def test_without_images_positions_move_and_queries_may_go() -> None:
    def asked(positives: set[int], junk: set[int]) -> EvaluationQuery:
        return EvaluationQuery(Path("q"), None, frozenset(positives), frozenset(junk), "g")

    benchmark = Benchmark("b", [Path(str(i)) for i in range(5)], [asked({0, 3}, {1, 4}), asked({1}, {0})])
    fewer = without_images(benchmark, {1, 2})
    assert [str(path) for path in fewer.database] == ["0", "3", "4"]
    assert fewer.queries == [asked({0, 1}, {2})]
    assert without_images(benchmark, set()) == benchmark


def test_a_name_and_a_folder_or_a_file(tmp_path: Path) -> None:
    photo(tmp_path / "db" / "a.jpg")
    truth = {"name": "j", "images": ["db"], "queries": [{"image": "a.jpg", "positives": ["a.jpg"]}]}
    (tmp_path / "holidays:odd.json").write_text(json.dumps(truth))
    assert read_benchmark(str(tmp_path / "holidays:odd.json")).name == "j"
    for place in ("holidays", "oxford:here", "", "holidays:"):  # not the current folder
        with pytest.raises(InvalidInputError, match=r"^expected a ground truth file, or NAME:DIR[^\n]*$"):
            read_benchmark(place)
    with pytest.raises(InvalidInputError, match="cannot read"):
        read_benchmark(str(tmp_path / "none.json"))


def test_the_names() -> None:
    revisited = [f"{name}-{p}" for name in ("roxford5k", "rparis6k") for p in ("easy", "medium", "hard")]
    own = ["oxford5k", "paris6k", "holidays", "ukbench", "ukbench-leave-one-out"]
    assert sorted(DATASETS) == sorted(revisited + own)
