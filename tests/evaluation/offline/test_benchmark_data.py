"""Photos that cannot be read: left out with a line, or an error where a ground truth file names them."""

import json
import shutil
from pathlib import Path

import pytest

from dsc_common.errors import InvalidImageError
from dsc_eval.offline.benchmark_data import load_benchmark_data


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def names(photos: Path, tmp_path: Path) -> list[str]:
    """Names of photos in tmp_path/db."""
    (tmp_path / "db").mkdir()
    for path in photos.rglob("*.png"):
        shutil.copyfile(path, tmp_path / "db" / path.name)
    return sorted(path.name for path in (tmp_path / "db").iterdir())


def ground_truth(folder: Path, query: str, positives: list[str]) -> str:
    content = {"name": "few", "images": ["db"], "queries": [{"image": query, "positives": positives}]}
    (folder / "gt.json").write_text(json.dumps(content))
    return str(folder / "gt.json")


def test_a_photo_that_no_query_names_is_left_out(names: list[str], tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "db" / names[3]).write_text("no photo")
    truth = ground_truth(tmp_path, names[0], [names[5]])
    data, provenance = load_benchmark_data(truth, "tiny", tiny_model)
    assert [path.name for path in data.benchmark.database] == [*names[:3], *names[4:]]
    assert len(data.features.database) == len(names) - 1
    assert data.benchmark.queries[0].positives == {4}
    itself, line = data.benchmark.notices
    assert "1 query photos are in the database and count as wrong answers" in itself
    assert line.startswith("few: 1 photo that cannot be read is left out, first: not a photo")
    assert "\n" not in line
    assert provenance.distractors == 0


@pytest.mark.parametrize("number", [0, 5])
def test_a_photo_that_a_query_names_is_an_error(
    number: int, names: list[str], tmp_path: Path, tiny_model: Path
) -> None:
    truth = ground_truth(tmp_path, names[0], [names[5]])
    (tmp_path / "db" / names[number]).write_text("no photo")
    with pytest.raises(InvalidImageError, match=rf"^not a photo [^\n]*{names[number]}$"):
        load_benchmark_data(truth, "tiny", tiny_model)


def test_distractors_that_cannot_be_read_are_left_out(
    names: list[str], tmp_path: Path, tiny_model: Path, photos: Path
) -> None:
    more = tmp_path / "more"
    shutil.copytree(photos, more)
    bad = sorted(more.rglob("*.png"))[:2]
    for path in bad:
        path.write_bytes(b"")
    truth = ground_truth(tmp_path, names[0], [names[5]])
    data, provenance = load_benchmark_data(truth, "tiny", tiny_model, [more])
    assert provenance.distractors == len(names) - 2
    assert len(data.features.database) == 2 * len(names) - 2
    assert "few: 2 photos that cannot be read are left out" in data.benchmark.notices[-1]


def test_of_a_published_data_set_what_can_be_read_is_asked(
    photos: Path, tmp_path: Path, tiny_model: Path
) -> None:
    own = sorted(photos.rglob("*.png"))[:8]
    folder = tmp_path / "ukbench"
    folder.mkdir()
    for number, path in enumerate(own):
        shutil.copyfile(path, folder / f"ukbench{number:05d}.png")
    for number in (0, 4, 5, 6):
        (folder / f"ukbench{number:05d}.png").write_text("no photo")
    data, _ = load_benchmark_data(f"ukbench-leave-one-out:{folder}", "tiny", tiny_model)
    # Of the second object one photo is left, and nothing to ask for.
    assert [query.path.name for query in data.benchmark.queries] == [
        f"ukbench{number:05d}.png" for number in (1, 2, 3)
    ]
    assert [query.positives for query in data.benchmark.queries] == [{1, 2}, {0, 2}, {0, 1}]
    assert len(data.features.queries) == 3
    lines = data.benchmark.notices
    assert "10192 of 10200 images are missing" in lines[0]
    assert "4 photos that cannot be read are left out and 5 queries with them, first: not a photo" in lines[1]
