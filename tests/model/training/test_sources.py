"""Data to train on: folders of groups, ground truths, SfM tuples; what is wrong with them is one line."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsc_common.errors import InvalidInputError
from dsc_model.training.sources.reading import own_validation, read_data
from dsc_model.training.tuples import TrainingSet


def matches_of(data: TrainingSet) -> dict[str, set[str]]:
    """The matches of each photo by the names of files."""
    return {
        data.photos[query].path.name: {data.photos[other].path.name for other in positives.tolist()}
        for query, positives in zip(data.queries.tolist(), data.positives, strict=True)
    }


def clusters_of(data: TrainingSet) -> list[set[str]]:
    groups: dict[int, set[str]] = {}
    for photo, cluster in zip(data.photos, data.clusters.tolist(), strict=True):
        groups.setdefault(cluster, set()).add(photo.path.name)
    return sorted(groups.values(), key=min)


def place(folder: Path, *names: str) -> Path:
    """A small photo under each name below the folder, no two alike."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), (number, 0, 0)).save(folder / name)
    return folder


def test_a_folder_of_groups(tmp_path: Path) -> None:
    names = ("one/a.png", "one/b.png", "two/y.png", "two/deeper/x.png", "alone/z.png", "loose.png")
    data = read_data(place(tmp_path, *names))
    assert clusters_of(data) == [{"a.png", "b.png"}, {"x.png", "y.png"}, {"z.png"}]
    assert matches_of(data) == {
        "a.png": {"b.png"},
        "b.png": {"a.png"},
        "x.png": {"y.png"},
        "y.png": {"x.png"},
    }
    assert data.notices == (
        "1 groups have one photo and give negatives only, first alone",
        "1 photos are in no group's folder and are left out",
    )


def test_a_folder_with_one_group_is_refused(tmp_path: Path) -> None:
    folder = place(tmp_path, "one/a.png", "one/b.png")
    with pytest.raises(InvalidInputError, match=r"expected a folder of two groups of photos or more.*got 1"):
        read_data(folder)


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A folder of photos a.png to f.png, without groups."""
    place(tmp_path / "photos", *(f"{letter}.png" for letter in "abcdef"))
    return tmp_path


def truth(folder: Path, queries: list[dict[str, object]], **more: object) -> Path:
    path = folder / "truth.json"
    path.write_text(json.dumps({"name": "truth", "images": ["photos"], "queries": queries, **more}))
    return path


def test_a_ground_truth(named: Path) -> None:
    asked = [
        {"image": "a.png", "positives": ["b.png", "c.png"], "junk": ["d.png"]},
        {"image": "e.png", "positives": ["f.png"]},
    ]
    data = read_data(truth(named, asked, exclude_queries=True))
    assert clusters_of(data) == [{"a.png", "b.png", "c.png", "d.png"}, {"e.png", "f.png"}]
    assert matches_of(data) == {
        "a.png": {"b.png", "c.png"},
        "b.png": {"a.png", "c.png"},
        "c.png": {"a.png", "b.png"},
        "e.png": {"f.png"},
        "f.png": {"e.png"},
    }


def test_a_query_in_the_database_is_no_match_or_negative_of_itself(named: Path) -> None:
    asked = [{"image": "a.png", "positives": ["a.png", "b.png"]}]
    data = read_data(truth(named, asked))
    assert clusters_of(data)[0] == {"a.png", "b.png"}
    assert matches_of(data) == {"a.png": {"b.png"}, "b.png": {"a.png"}}


def test_the_box_of_a_query_is_kept(named: Path) -> None:
    asked = [{"image": "a.png", "box": [0, 0, 20, 30], "positives": ["b.png"]}]
    data = read_data(truth(named, asked, exclude_queries=True))
    assert [photo.box for photo in data.photos if photo.path.name == "a.png"] == [(0, 0, 20, 30)]


@pytest.fixture
def sfm(tmp_path: Path) -> Path:
    """Four photos in the folders of cirtorch, without suffixes."""
    for number, name in enumerate(f"{number}0aabbcc" for number in range(4)):
        made = place(tmp_path, f"{number}.png") / f"{number}.png"
        folder = tmp_path / "ims" / name[-2:] / name[-4:-2] / name[-6:-4]
        folder.mkdir(parents=True, exist_ok=True)
        made.rename(folder / name)
    return tmp_path


def write_tuples(folder: Path, protocol: int = 2, **changes: object) -> Path:
    part: dict[str, object] = {
        "cids": [f"{number}0aabbcc" for number in range(4)],
        "cluster": [0, 0, 1, 1],
        "qidxs": [0, 2],
        "pidxs": [1, 3],
    }
    part |= changes
    path = folder / "retrieval-SfM-30k.pkl"
    path.write_bytes(pickle.dumps({"train": part, "val": part | {"qidxs": [1], "pidxs": [0]}}, protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", [list, np.array])
def test_sfm_tuples(sfm: Path, protocol: int, kind) -> None:  # noqa: ANN001
    path = write_tuples(sfm, protocol, cluster=kind([0, 0, 1, 1]), qidxs=kind([0, 2]))
    data = read_data(path)
    assert [photo.path for photo in data.photos] == [
        sfm / "ims/cc/bb/aa" / f"{number}0aabbcc" for number in range(4)
    ]
    assert data.queries.tolist() == [0, 2]
    assert [positives.tolist() for positives in data.positives] == [[1], [3]]
    validation = own_validation(path)
    assert validation is not None
    assert validation.queries.tolist() == [1]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"cids": ["0aabbcd", "1aabbcd", "2aabbcd", "3aabbcd"]}, "names 4 photos that are not there, first"),
        ({"cids": ["../../../../etc/passwd"] * 4}, "expected names of photos of 6 letters or more"),
        ({"cids": ["short"] * 4}, "expected names of photos of 6 letters or more"),
        ({"cids": 3}, "expected a list of names `cids`, got int"),
        ({"cluster": [0, 0, 1]}, "expected a cluster of each photo and a positive of each query, got 3 of 4"),
        ({"pidxs": [1, 4]}, "expected pidxs from 0 to 3, got 4"),
        ({"qidxs": [-1, 2]}, "expected qidxs from 0 to 3, got -1"),
        ({"qidxs": [0.5, 2]}, "expected a list of whole numbers `qidxs`"),
        ({"qidxs": [2**70, 2]}, "a number of `qidxs` is too large"),
    ],
)
def test_wrong_sfm_tuples_are_one_line(sfm: Path, changes: dict[str, object], line: str) -> None:
    path = write_tuples(sfm, **changes)
    with pytest.raises(InvalidInputError) as error:
        read_data(path)
    assert str(error.value).startswith(str(path))
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_a_pickle_that_calls_is_refused(sfm: Path) -> None:
    path = sfm / "evil.pkl"
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(InvalidInputError, match="only plain data is read"):
        read_data(path)


def test_what_is_no_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InvalidInputError, match="expected a folder of groups, a ground truth"):
        read_data(tmp_path / "a.txt")
    with pytest.raises(InvalidInputError, match="no such file or folder"):
        read_data(tmp_path / "missing")
