"""`dsc-eval bench extract`: photos that are the same each time, and numbers that follow from the times."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from dsc_common.errors import InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_eval.bench import extract
from dsc_eval.bench.extract import ExtractSettings, Made, row_of
from dsc_eval.bench.made_photos import KINDS, Kind, write_photos
from dsc_eval.experiments.settings import validated
from dsc_eval.main import app
from dsc_eval.plots.catalogue import BENCH_PLOTS

TINY = {name: Kind(name, 80, 60, kind.suffix, kind.quality) for name, kind in KINDS.items()}


@pytest.fixture
def tiny_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "KINDS", TINY)


def _pixels(paths: list[Path]) -> list[np.ndarray]:
    return [np.asarray(Image.open(path)) for path in paths]


@pytest.mark.parametrize("name", TINY)
def test_photos_depend_on_the_seed_alone_and_differ(name: str, tmp_path: Path) -> None:
    made = {
        place: _pixels(write_photos(TINY[name], 5, seed, tmp_path / place))
        for place, seed in (("a", 3), ("b", 3), ("c", 4))
    }
    assert [image.shape for image in made["a"]] == [
        *3 * [(60, 80, 3)],
        (80, 60, 3),
        (60, 80, 3),
    ]
    for number in range(5):
        assert np.array_equal(made["a"][number], made["b"][number])
        assert not np.array_equal(made["a"][number], made["c"][number])
        assert made["a"][number].std() > 20
    assert len({image.tobytes() for image in made["a"]}) == 5


def test_the_row_follows_from_the_times(tmp_path: Path) -> None:
    paths = write_photos(TINY["png-2mp"], 2, 0, tmp_path / "photos")
    photos = Made(
        TINY["png-2mp"], paths, [0.01, 0.03, 0.02], [0.05, 0.05, 0.04], [0.07] * 3, [0.04, 0.05, 0.02]
    )
    row = row_of(photos, cores=2)
    assert row["per_second"] == 25.0
    assert (row["per_second_min"], row["per_second_max"]) == (20.0, 50.0)
    assert (row["decode_cpu_ms"], row["network_cpu_ms"], row["cpu_ms"]) == (20.0, 50.0, 70.0)
    assert row["limit"] == pytest.approx(2 / 0.06, abs=1e-4)
    efficiencies = [25 * 0.06 / 2, 20 * 0.08 / 2, 50 * 0.06 / 2]
    assert row["efficiency"] == pytest.approx(sorted(efficiencies)[1])
    assert (row["photos"], row["runs"], row["cores"]) == (2, 3, 2)


@pytest.mark.usefixtures("tiny_kinds")
def test_every_photo_is_timed_in_each_run(tiny_model: Path) -> None:
    settings = ExtractSettings(photos=3, runs=2, kinds=["png-2mp", "jpeg-480px", "png-2mp"])
    extractor = Extractor.from_file(tiny_model, threads=1)
    rows = list(extract.run(extractor, settings))
    assert [row["kind"] for row in rows] == ["png-2mp", "jpeg-480px"]
    for row in rows:
        assert (row["photos"], row["runs"]) == (3, 2)
        assert min(float(row[key]) for key in ("per_second", "decode_cpu_ms", "limit", "efficiency")) > 0


@pytest.mark.usefixtures("tiny_kinds")
def test_a_run_writes_json_and_a_figure(tiny_model: Path, tmp_path: Path) -> None:
    options = ["--out", str(tmp_path), "--model", str(tiny_model), "--photos", "2", "--runs", "1"]
    for more in ([], ["--name", "extract-before"]):
        result = CliRunner().invoke(app, ["bench", "extract", *options, *more])
        assert result.exit_code == 0, result.output
    text = (tmp_path / "extract.json").read_text()
    record = json.loads(text)
    assert str(tiny_model.parent) not in text
    assert record["benchmark"] == "extract"
    assert record["network"]["backbone"] == "tiny"
    assert [row["kind"] for row in record["rows"]] == list(extract.DEFAULT_KINDS)
    result = CliRunner().invoke(app, ["bench", "plot", "extract", "--results", str(tmp_path)])
    assert result.exit_code == 0, result.output
    before = [(tmp_path / f"extract.{kind}").read_bytes() for kind in ("png", "svg")]
    BENCH_PLOTS["extract"](tmp_path)
    assert [(tmp_path / f"extract.{kind}").read_bytes() for kind in ("png", "svg")] == before


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"expected kinds among jpeg-480px, .*, got gif"):
        validated(ExtractSettings, "bench extract", {"kinds": ["gif"]})


def test_every_setting_that_is_described_is_an_option() -> None:
    assert all(field.description for field in ExtractSettings.model_fields.values())
