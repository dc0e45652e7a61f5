"""Benchmarks from feature files: the figures of the photos, names that end alike, and what lacks."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from dsc_common.errors import InvalidInputError
from dsc_common.features.feature_file import FeatureFile, read_features, write_features
from dsc_common.features.feature_table import FeatureTable
from dsc_eval.datasets.row_names import RowNames
from dsc_eval.experiments.running import run_on_sets, settings_of
from dsc_eval.features.array_files import read_array, read_names
from dsc_eval.features.table_writing import Arrays, table_of_arrays, table_of_benchmark
from dsc_eval.offline.benchmark_data import load_benchmark_data, load_feature_data

SCHEMES = ["exhaustive", "dsc+M=8", "duc-ivf-raw+K=6"]


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def truth(photos: Path, tmp_path: Path) -> str:
    """A ground truth with a box and held-out queries, and its photos in tmp_path/db/more."""
    folder = tmp_path / "db" / "more"
    folder.mkdir(parents=True)
    for path in photos.rglob("*.png"):
        shutil.copyfile(path, folder / path.name)
    names = sorted(f"more/{path.name}" for path in folder.iterdir())
    queries = [
        {"image": names[0], "positives": [names[1], names[2]]},
        {"image": names[3], "box": [1, 2, 40, 41], "positives": [names[4]], "junk": [names[5]]},
        {"image": names[3], "positives": [names[6]]},
    ]
    content = {"name": "few", "images": ["db"], "exclude_queries": True, "queries": queries}
    (tmp_path / "gt.json").write_text(json.dumps(content))
    return str(tmp_path / "gt.json")


def test_a_feature_file_gives_the_figures_of_the_photos(truth: str, tmp_path: Path, tiny_model: Path) -> None:
    data, provenance = load_benchmark_data(truth, "tiny", tiny_model)
    write_features(tmp_path / "f", table_of_benchmark(data.benchmark, data.features))
    again, origin = load_feature_data(truth, tmp_path / "f")
    assert again.features.database.tobytes() == data.features.database.tobytes()
    for one, other in zip(again.features.queries, data.features.queries, strict=True):
        assert one.feature.tobytes() == other.feature.tobytes()
    settings = settings_of("compare", None, schemes=SCHEMES)
    rows = run_on_sets("compare", [(data, provenance)], settings, tmp_path / "a")
    same = run_on_sets("compare", [(again, origin)], settings, tmp_path / "b")
    for row, other in zip(rows, same, strict=True):
        assert dict(row) | {"network": ""} == dict(other) | {"network": ""}


def test_photos_need_not_be_there(truth: str, tmp_path: Path, tiny_model: Path) -> None:
    data, _ = load_benchmark_data(truth, "tiny", tiny_model)
    write_features(tmp_path / "f", table_of_benchmark(data.benchmark, data.features))
    shutil.rmtree(tmp_path / "db")
    again, _ = load_feature_data(truth, tmp_path / "f")
    assert [query.positives for query in again.benchmark.queries] == [
        query.positives for query in data.benchmark.queries
    ]


def test_several_data_sets_make_one_table(truth: str, tmp_path: Path, tiny_model: Path) -> None:
    data, provenance = load_benchmark_data(truth, "tiny", tiny_model)
    write_features(tmp_path / "f", table_of_benchmark(data.benchmark, data.features))
    other_truth = tmp_path / "other.json"
    other_truth.write_text(Path(truth).read_text().replace('"few"', '"others"'))
    other = load_feature_data(str(other_truth), tmp_path / "f")
    settings = settings_of("compare", None, schemes=SCHEMES, seeds=2)
    rows = run_on_sets("compare", [(data, provenance), other], settings, tmp_path / "out")
    assert [(row["dataset"], row["scheme"]) for row in rows] == [
        (name, scheme) for name in ("few", "others") for scheme in SCHEMES
    ]
    paired = (tmp_path / "out" / "metrics.paired.csv").read_text()
    assert paired.count(",few,") == paired.count(",others,") == 3
    record = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert [source["name"] for source in record["data"]] == ["few", "others"]


def table(names: list[str]) -> FeatureTable:
    count = len(names)
    return FeatureTable(
        names,
        np.eye(count, 8, dtype=np.float32),
        np.zeros((count, 1), dtype=np.int64),
        np.ones((count, 1), dtype=np.float32),
        1,
    )


@pytest.mark.parametrize(
    ("names", "queries", "line"),
    [
        (["a", "b", "c"], ["q"], r"2 images of .*gt.json are not there, first x/1.jpg"),
        (["x/1.jpg", "x/2.jpg"], ["p"], r"1 queries are not there, first x/0.jpg"),
        (["a/x/1.jpg", "b/x/1.jpg", "x/2.jpg"], ["x/0.jpg"], r"expected one row called x/1.jpg, got several"),
    ],
)
def test_what_the_file_lacks_is_one_line(
    names: list[str], queries: list[str], line: str, tmp_path: Path
) -> None:
    asked = [{"image": "x/0.jpg", "positives": ["x/1.jpg", "x/2.jpg"]}]
    (tmp_path / "gt.json").write_text(json.dumps({"name": "n", "images": ["x"], "queries": asked}))
    write_features(tmp_path / "f", FeatureFile(table(names), table(queries)))
    with pytest.raises(InvalidInputError, match=rf"{tmp_path / 'f'}: {line}$"):
        load_feature_data(str(tmp_path / "gt.json"), tmp_path / "f")


def test_names_are_found_by_their_ends() -> None:
    held = RowNames(["2008/a.jpg", "b.jpg", "x/b.jpg", "c/d/e.jpg"], "f")
    asked = ("2008/a.jpg", "a.jpg", "/data/2008/a.jpg", "b.jpg", "d/e.jpg", "/photos/b.jpg", "nothing.jpg")
    assert [held.row(name) for name in asked] == [0, 0, 0, 1, 3, 1, None]


def test_arrays_of_other_programs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((8, 30)).astype(np.float32)  # (F, N), as cirtorch returns them
    torch.save(torch.from_numpy(vectors), tmp_path / "v.pth")
    np.save(tmp_path / "v.npy", vectors.T.astype(np.float16))
    (tmp_path / "names.txt").write_text("".join(f"{number}\n" for number in range(30)))
    names = read_names(tmp_path / "names.txt")
    columns = read_array(tmp_path / "v.pth", columns=True)
    np.testing.assert_array_equal(columns, vectors.T)
    clustered = table_of_arrays(Arrays(names, columns), Arrays(["q"], columns[:1]), clusters=5)
    write_features(tmp_path / "f", clustered)
    found = read_features(tmp_path / "f")
    assert found.queries is not None
    assert (found.database.num_labels, found.database.labels.shape) == (5, (30, 5))
    np.testing.assert_array_equal(found.queries.labels[0], found.database.labels[0])
    half = table_of_arrays(Arrays(names, read_array(tmp_path / "v.npy")), None)
    assert half.database.features.dtype == np.float16


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"a": torch.zeros(2)}, "expected one tensor of floats, got dict"),
        (torch.zeros(2, dtype=torch.int32), "floats"),
    ],
)
def test_files_of_anything_else_are_refused(content: object, line: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "v.pt")
    with pytest.raises(InvalidInputError, match=line):
        read_array(tmp_path / "v.pt")
    np.save(tmp_path / "o.npy", np.array([None, "x"], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidInputError, match="is no array"):
        read_array(tmp_path / "o.npy")


def test_labels_and_clusters_exclude_each_other() -> None:
    arrays = Arrays(["a"], np.ones((1, 4), np.float32), np.zeros((1, 1), np.int64), np.ones((1, 1)))
    with pytest.raises(InvalidInputError, match="expected labels or a number of clusters, got both"):
        table_of_arrays(arrays, None, clusters=1)
    with pytest.raises(InvalidInputError, match="expected 1 to 1 clusters, one per image, got 2"):
        table_of_arrays(Arrays(["a"], np.ones((1, 4), np.float32)), None, clusters=2)


def test_names_that_are_no_utf_8_are_written_as_ground_truths_have_them(
    photos: Path, tmp_path: Path, tiny_model: Path
) -> None:
    folder = tmp_path / "db"
    folder.mkdir()
    files = sorted(photos.rglob("*.png"))[:3]
    for name, file in zip((b"caf\xe9.png", b"b.png", b"c.png"), files, strict=True):
        shutil.copyfile(file, folder / os.fsdecode(name))
    asked = [{"image": "caf\\xe9.png", "positives": ["b.png"]}]
    (tmp_path / "gt.json").write_text(json.dumps({"name": "n", "images": ["db"], "queries": asked}))
    data, _ = load_benchmark_data(str(tmp_path / "gt.json"), "tiny", tiny_model)
    write_features(tmp_path / "f", table_of_benchmark(data.benchmark, data.features))
    again, _ = load_feature_data(str(tmp_path / "gt.json"), tmp_path / "f")
    assert again.benchmark.queries[0].positives == data.benchmark.queries[0].positives
    assert sorted(read_features(tmp_path / "f").database.names) == ["b.png", "c.png", "caf\\xe9.png"]
