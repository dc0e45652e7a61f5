"""Views: the projective map against its definition, and what each difficulty does to a photo."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dsc_common.features.perspective import homography
from dsc_demo.views import DIFFICULTIES, MILD_VIEWS, difficult_view, occlusion, warp

SQUARE = np.array([[0.0, 0.0], [100.0, 0.0], [100.0, 80.0], [0.0, 80.0]])
SHIFT = st.floats(-20.0, 20.0)


def photo(seed: int = 0, size: tuple[int, int] = (96, 64)) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 12, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def pixels(image: Image.Image) -> Any:
    return np.asarray(image, dtype=float)


@given(st.lists(SHIFT, min_size=8, max_size=8))
def test_homography_takes_each_corner_to_its_target(shifts: list[float]) -> None:
    target = SQUARE + np.array(shifts).reshape(4, 2)
    a, b, c, d, e, f, g, h = homography(SQUARE, target)
    for (x, y), (u, v) in zip(SQUARE, target, strict=True):
        w = g * x + h * y + 1.0
        assert (a * x + b * y + c) / w == pytest.approx(u, abs=1e-6)
        assert (d * x + e * y + f) / w == pytest.approx(v, abs=1e-6)


def test_warp_of_the_whole_photo_changes_nothing() -> None:
    image = photo()
    quad = np.array([[0.0, 0.0], [96.0, 0.0], [96.0, 64.0], [0.0, 64.0]])
    assert np.abs(pixels(warp(image, quad)) - pixels(image)).max() <= 1


def test_warp_of_a_quarter_shows_that_quarter() -> None:
    image = Image.new("RGB", (80, 60), "white")
    image.paste("red", (40, 30, 80, 60))
    view = warp(image, np.array([[44.0, 34.0], [80.0, 34.0], [80.0, 60.0], [44.0, 60.0]]))
    assert (pixels(view) == [255.0, 0.0, 0.0]).all()


@pytest.mark.parametrize("seed", range(20))
def test_no_view_has_empty_borders(seed: int) -> None:
    white = Image.new("RGB", (90, 41), "white")
    views = [view(white, np.random.default_rng(seed)) for view in MILD_VIEWS[:2]]
    views.append(difficult_view(white, "perspective", white, np.random.default_rng(seed)))
    assert all((pixels(view) == 255.0).all() for view in views)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_difficult_views_keep_the_size_change_the_photo_and_repeat(difficulty: Any, seed: int) -> None:
    image = photo()
    views = [difficult_view(image, difficulty, photo(1), np.random.default_rng(seed)) for _ in range(2)]
    assert views[0].size == image.size
    assert views[0].mode == "RGB"
    assert views[0].tobytes() == views[1].tobytes()
    assert np.abs(pixels(views[0]) - pixels(image)).mean() > 4.0


@pytest.mark.parametrize("seed", range(10))
def test_occlusion_covers_a_sixth_to_a_fifth(seed: int) -> None:
    view = occlusion(
        Image.new("RGB", (200, 200), "white"),
        Image.new("RGB", (50, 70), "black"),
        np.random.default_rng(seed),
    )
    assert 1 / 6 <= (pixels(view) == 0.0).mean() <= 1 / 5 + 0.005
