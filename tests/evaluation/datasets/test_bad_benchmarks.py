"""`dsc-eval` on what is wrong: one clear line, or the documented fallback, and never a wrong number."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dsc_common.errors import InvalidInputError
from dsc_common.features.feature_cache import FILE_NAME
from dsc_eval.main import app

Run = Callable[..., list[dict[str, str]]]
WIDTH, HEIGHT = 60, 50  # of the photos


@pytest.fixture
def run(tiny_model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`dsc-eval run compare` with one query that is changed; gives the rows of metrics.csv."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    whole = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))

    def compare(schemes: str = "exhaustive", images: int = 11, **changed: Any) -> list[dict[str, str]]:
        folder = tmp_path / f"db{images}"
        names = whole[: images + 1]  # the first is the query, and held out
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(photos / name, folder / name)
        query = {"image": names[0], "positives": names[1:3], **changed}
        content = {"name": "few", "images": [folder.name], "exclude_queries": True, "queries": [query]}
        (tmp_path / "gt.json").write_text(json.dumps(content))
        where = ["--ground-truth", str(tmp_path / "gt.json"), "--out", str(tmp_path / "out")]
        options = ["--schemes", schemes, "--model", str(tiny_model)]
        CliRunner().invoke(app, ["run", "compare", *where, *options], catch_exceptions=False)
        with (tmp_path / "out" / "metrics.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    return compare


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {"positives": ["even/none.png", "even/02.png"]},
            "names 1 photos that are not there, first even/none",
        ),
        ({"image": "none.png"}, "names 1 photos that are not there, first none.png"),
        ({"positives": []}, "has no positives in the database"),
        ({"box": [0, 0, WIDTH + 1, 10]}, f"expected a box inside {WIDTH} x {HEIGHT} pixels, got"),
        ({"box": [200, 200, 300, 300]}, f"expected a box inside {WIDTH} x {HEIGHT} pixels, got"),
        (
            {"schemes": "duc-ivf-pq+K=4"},
            "scheme duc-ivf-pq+K=4: expected T (labels in the head) from 1 to K = 4, got 5",
        ),
        (
            {"schemes": "duc-gp-raw+K=3"},
            "scheme duc-gp-raw+K=3: expected T (labels in the head) from 1 to K = 3, got 5",
        ),
        (
            {"schemes": "duc-imi-pq+K=4"},
            "scheme duc-imi-pq+K=4: expected T (labels in the head) from 1 to K = 4, got 5",
        ),
        (
            {"schemes": "duc-ivf-pq", "images": 3},
            "scheme duc-ivf-pq: expected T (labels in the head) from 1 to 3, got 5",
        ),
        (
            {"schemes": "duc-imi-raw+K=10"},
            "expected K (cells) of two halves to be a square, got 10",
        ),
    ],
)
def test_one_line_says_what_is_wrong(changed: dict[str, Any], line: str, run: Run) -> None:
    with pytest.raises(InvalidInputError) as raised:
        run(**changed)
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_box_up_to_the_edge_is_taken(run: Run) -> None:
    assert run(box=[0, 0, WIDTH, HEIGHT])[0]["candidates"] == "11.0"


@pytest.mark.parametrize("damage", [b"no database at all", b"", b"SQLite format 3\0" + bytes(200)])
def test_a_corrupt_cache_changes_no_number(damage: bytes, run: Run, tmp_path: Path) -> None:
    schemes = "exhaustive,dsc-pq,dsc-shared"
    rows = run(schemes)
    (tmp_path / "cache" / "dsc-eval" / FILE_NAME).write_bytes(damage)
    assert run(schemes) == rows
    assert run(schemes) == rows  # from the cache that was begun again


def test_where_m_does_not_divide_f_a_scheme_is_still_one(run: Run) -> None:
    # F = 16 is padded with zeros: a query's own partition holds the same images, and codes have M bytes.
    numbers = (1, 7, 16, 33)
    for scheme in ("dsc-pq", "duc-pq", "duc-ivf-pq+K=5"):
        rows = run(",".join(f"{scheme}+M={m}" for m in numbers))
        assert [row["subvectors"] for row in rows] == [str(m) for m in numbers]
        assert len({row["candidates"] for row in rows}) == 1
        codes = 1 if scheme == "duc-pq" else 5
        sizes = [int(row["packet_bytes"]) - int(row["head_bytes"]) for row in rows]
        assert sizes == [codes * m for m in numbers]
