"""A photo in strips is scaled as in one piece: first along its rows, then along its columns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dsc_common.features import upright
from dsc_common.features.samples import to_rgb
from dsc_common.features.upright import Upright

TURNS = {  # degrees and mirror that make each orientation upright, as EXIF defines them
    1: (0, False),
    2: (0, True),
    3: (180, False),
    4: (180, True),
    5: (270, True),
    6: (270, False),
    7: (90, True),
    8: (90, False),
}


def turned(stored: Image.Image, orientation: int) -> Image.Image:
    degrees, mirrored = TURNS[orientation]
    rotated = stored.rotate(degrees, expand=True)
    return rotated.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else rotated


def noise(width: int, height: int, mode: str, seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 4), dtype=np.uint8)).convert(mode)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_same_to_the_bit_as_in_one_piece(data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(["RGB", "L", "RGBA", "CMYK"]))
    width, height = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 90))
    orientation = data.draw(st.integers(1, 8))
    stored = noise(width, height, mode, data.draw(st.integers(0, 99)))
    photo = Upright(stored, orientation, to_rgb)
    whole = to_rgb(turned(stored, orientation))
    assert photo.size == whole.size
    part = (0, 0, *whole.size)
    if data.draw(st.booleans()):
        (left, right), (top, bottom) = (
            sorted(data.draw(st.lists(st.integers(0, side), min_size=2, max_size=2, unique=True)))
            for side in whole.size
        )
        part = (left, top, right, bottom)
    size = (data.draw(st.integers(1, 100)), data.draw(st.integers(1, 100)))
    resampling = data.draw(st.sampled_from([Image.Resampling.BILINEAR, Image.Resampling.LANCZOS]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upright, "_STRIP_PIXELS", data.draw(st.integers(1, 2000)))
        scaled = photo.scaled(part, size, resampling)
    cut = whole.crop(part)
    expected = cut.resize((size[0], cut.height), resampling).resize(size, resampling)
    assert (scaled.mode, scaled.size, scaled.tobytes()) == ("RGB", size, expected.tobytes())
