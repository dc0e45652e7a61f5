"""The benchmark of printed covers: reproducible, readable, and its queries show the covers they ask for."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dsc_common.errors import InvalidInputError
from dsc_eval.datasets.cover_benchmark import CLUTTER_EVERY, make_cover_benchmark
from dsc_eval.datasets.registry import read_benchmark
from dsc_eval.datasets.rephotographed import PhoneCamera, rephotograph


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 pictures of coarse colour patches, in two folders."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(20):
        place = folder / f"{number % 2}"
        place.mkdir(exist_ok=True)
        patches = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(patches).resize((160, 120), Image.Resampling.NEAREST).save(place / f"{number}.png")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_files(photos: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        make_cover_benchmark(photos, tmp_path / name, 4, seed)
    first, again, other = (files(tmp_path / name) for name in "abc")
    first.pop("ground_truth.json")
    again.pop("ground_truth.json")
    assert first == again
    assert not first.items() <= other.items()


def test_every_query_asks_for_its_cover_and_clutter_is_in_no_database(photos: Path, tmp_path: Path) -> None:
    truth = make_cover_benchmark(photos, tmp_path / "covers", 7)
    benchmark = read_benchmark(str(truth))
    assert benchmark.notices == ()
    assert len(benchmark.database) == 20 - 20 // CLUTTER_EVERY
    assert len({query.group for query in benchmark.queries}) == len(benchmark.queries) == 7
    for query in benchmark.queries:
        (cover,) = query.positives
        assert benchmark.database[cover].name.removesuffix(".jpg") == query.group.rpartition("/")[2]
        assert query.path.name.startswith(query.group.rpartition("/")[2])


def _mean_colours(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image.resize((2, 2), Image.Resampling.BOX), dtype=np.float64)


def test_a_photograph_without_tilt_and_light_shows_the_cover_where_it_should_be() -> None:
    none = (0.0, 0.0)
    straight = PhoneCamera(
        height=(0.5, 0.5), roll_deg=none, tilt=none, off_centre=none, blur=none, glare=none,
        cast=(1.0, 1.0), gamma=(1.0, 1.0), noise=none,
    )  # fmt: skip
    quarters = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 0]]], dtype=np.uint8)
    cover = Image.fromarray(quarters).resize((100, 100), Image.Resampling.NEAREST)
    grey = Image.new("RGB", (50, 50), (90, 90, 90))
    seen = rephotograph(cover, [grey], np.random.default_rng(1), straight)
    width, height = seen.size
    side = min(0.5 * height, 0.5 * width)
    left, top = (width - side) / 2, (height - side) / 2
    part = seen.crop((round(left), round(top), round(left + side), round(top + side)))
    np.testing.assert_allclose(_mean_colours(part), quarters, atol=12)
    assert seen.getpixel((2, height // 2)) != cover.getpixel((2, 50))


def test_what_cannot_be_made_is_one_line_and_leaves_nothing(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected at least \d+ photos in .*, got 20$"):
        make_cover_benchmark(photos, tmp_path / "covers", 17)
    with pytest.raises(InvalidInputError, match="no such folder"):
        make_cover_benchmark(photos / "none", tmp_path / "covers", 1)
    (tmp_path / "covers").mkdir()
    (tmp_path / "covers" / "mine.txt").write_text("mine")
    with pytest.raises(InvalidInputError, match="left alone"):
        make_cover_benchmark(photos, tmp_path / "covers", 2)
    assert files(tmp_path) == {"covers/mine.txt": b"mine"}
