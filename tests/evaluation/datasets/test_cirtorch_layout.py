"""cirtorch's `gnd_oxford5k.pkl` and `gnd_paris6k.pkl` give the ground truth of the text files."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsc_common.benchmark.ground_truth import Benchmark
from dsc_common.errors import InvalidInputError
from dsc_eval.datasets import oxford
from dsc_eval.datasets.registry import read_benchmark

IMAGES = [f"all_souls_{number:06d}" for number in range(5)] + ["oxford_000001", "oxford_000002"]
# Query: photo, good, ok, junk. Two landmarks have photos of one name, as some of Oxford5k's have.
LANDMARKS = {
    "all_souls_1": (1, [1, 2], [3], [4]),
    "all_souls_2": (2, [1, 2], [3], [4]),
    "ashmolean_1": (5, [5], [], []),
    "balliol_1": (6, [6], [0], [4, 5]),
}
BOX = (6.5, 4.1, 48.5, 55.7)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(oxford, "OXFORD_IMAGES", len(IMAGES))
    monkeypatch.setattr(oxford, "QUERIES", len(LANDMARKS))
    folder = tmp_path / "oxford5k"
    (folder / "jpg").mkdir(parents=True)
    for name in IMAGES:
        Image.new("RGB", (80, 60)).save(folder / "jpg" / f"{name}.jpg")
    return folder


def truth() -> dict[str, Any]:
    entries = [
        {"bbx": list(BOX), "ok": np.array(good + ok), "junk": np.array(junk, dtype=np.int64)}
        for _, good, ok, junk in LANDMARKS.values()
    ]
    queries = [IMAGES[photo] for photo, *_ in LANDMARKS.values()]
    return {"imlist": IMAGES, "qimlist": queries, "gnd": entries}


def write_pickle(folder: Path, content: object, name: str = "oxford5k") -> None:
    (folder / f"gnd_{name}.pkl").write_bytes(pickle.dumps(content, 2))


def write_texts(folder: Path) -> None:
    for query, (photo, *lists) in LANDMARKS.items():
        numbers = " ".join(map(str, BOX))
        (folder / f"{query}_query.txt").write_text(f"oxc1_{IMAGES[photo]} {numbers}\n")
        for kind, members in zip(("good", "ok", "junk"), lists, strict=True):
            lines = "".join(f"{IMAGES[i]}\n" for i in members)
            (folder / f"{query}_{kind}.txt").write_text(lines)


def questions(benchmark: Benchmark) -> list[tuple[object, ...]]:
    return [(query.path, query.box, query.positives, query.junk) for query in benchmark.queries]


def test_the_pickle_is_the_same_ground_truth_as_the_text_files(photos: Path) -> None:
    write_pickle(photos, truth())
    of_pickle = read_benchmark(f"oxford5k:{photos}")
    (photos / "gnd_oxford5k.pkl").unlink()
    write_texts(photos)
    of_texts = read_benchmark(f"oxford5k:{photos}")
    assert questions(of_pickle) == questions(of_texts)
    assert (of_pickle.name, of_pickle.database, of_pickle.notices) == ("oxford5k", of_texts.database, ())
    groups = [query.group for query in of_pickle.queries]
    assert groups == ["all_souls", "all_souls", "oxford", "oxford-2"]
    same = [[a == b for b in groups] for a in groups]
    of_text_files = [query.group for query in of_texts.queries]
    assert same == [[a == b for b in of_text_files] for a in of_text_files]


def test_the_text_files_come_first(photos: Path) -> None:
    write_texts(photos)
    write_pickle(photos, {"imlist": [], "qimlist": [], "gnd": []})
    assert len(read_benchmark(f"oxford5k:{photos}").queries) == len(LANDMARKS)


def test_junk_may_be_absent_and_a_copy_incomplete(photos: Path) -> None:
    content = truth()
    del content["gnd"][0]["junk"]
    write_pickle(photos, content)
    (photos / "jpg" / f"{IMAGES[0]}.jpg").unlink()
    benchmark = read_benchmark(f"oxford5k:{photos}")
    first, *_, last = benchmark.queries
    assert (len(first.positives), first.junk) == (3, frozenset())
    assert [benchmark.database[number].stem for number in last.positives] == [IMAGES[6]]
    assert benchmark.notices == (f"oxford5k: 1 of 7 images are missing, first {IMAGES[0]}.jpg",)


def test_paris_leaves_out_what_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oxford, "PARIS_IMAGES", 2)
    monkeypatch.setattr(oxford, "QUERIES", 1)
    names = ["paris_louvre_000001", "paris_louvre_000002", "paris_louvre_000136"]
    for name in names:
        Image.new("RGB", (80, 60)).save(tmp_path / f"{name}.jpg")
    entry = {"bbx": [0, 0, 40, 30], "ok": [0, 1, 2], "junk": []}
    write_pickle(tmp_path, {"imlist": names, "qimlist": names[:1], "gnd": [entry]}, "paris6k")
    benchmark = read_benchmark(f"paris6k:{tmp_path}")
    assert (benchmark.notices, [path.stem for path in benchmark.database]) == ((), names[:2])


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"bbx": [0, 0, 9, 9], "junk": []}, "expected entries of bbx, ok and junk"),
        ({"bbx": [0, 0, 9, 9], "ok": [7]}, "expected positions from 0 to 6"),
        ({"bbx": [9, 0, 0, 9], "ok": [1]}, "expected boxes of x0, y0, x1, y1"),
        ({"bbx": [0, 0, 9, 9], "ok": "1"}, "expected lists of numbers"),
        ([], "expected entries of bbx, ok and junk"),
    ],
)
def test_what_is_wrong_is_one_line(photos: Path, entry: object, line: str) -> None:
    write_pickle(photos, {"imlist": IMAGES, "qimlist": IMAGES[:1], "gnd": [entry]})
    with pytest.raises(InvalidInputError, match=rf"gnd_oxford5k\.pkl is no ground truth: {line}$"):
        read_benchmark(f"oxford5k:{photos}")


def test_no_ground_truth_names_both_layouts(photos: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"such as all_souls_1_query\.txt, or gnd_oxford5k\.pkl\)$"):
        read_benchmark(f"oxford5k:{photos}")
