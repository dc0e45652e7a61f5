"""A photo printed on a cover, as of a book or a record: paper, a crop of the photo, and lines of a title."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

ASPECTS = (2 / 3, 0.71, 1.0)  # width to height: a book, a DVD, a record
HEIGHT = 480  # pixels
_SYLLABLES = ("ka", "ro", "mi", "ten", "la", "vor", "es", "dun", "pi", "shal", "or", "ne", "gri", "mo", "sta")


def printed_cover(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A cover with this photo on it.

    Args:
        photo: RGB.
        rng: draws the layout, the colours and the title.

    Returns:
        RGB, `HEIGHT` pixels high.
    """
    size = (round(HEIGHT * float(rng.choice(ASPECTS))), HEIGHT)
    paper = tuple(int(value) for value in rng.integers(256, size=3))
    ink = (255, 255, 255) if sum(paper) < 384 else (0, 0, 0)
    cover = Image.new("RGB", size, paper)
    margin = int(rng.choice([0, 0, 12, 30]))
    top = round(HEIGHT * float(rng.choice([0.0, 0.12, 0.25])))
    height = round(HEIGHT * rng.uniform(0.55, 0.75))
    cover.paste(ImageOps.fit(photo, (size[0] - 2 * margin, height), Image.Resampling.BICUBIC), (margin, top))
    title_at = top + height + 6 if top < HEIGHT * 0.2 else 8
    _write(cover, title_at, rng.uniform(0.09, 0.15), ink, rng)
    _write(cover, HEIGHT - 40, 0.045, ink, rng)
    return cover


def _write(
    cover: Image.Image, top: int, height: float, ink: tuple[int, int, int], rng: np.random.Generator
) -> None:
    """Two words of made-up syllables, from the left or in the middle."""
    words = ["".join(rng.choice(_SYLLABLES, size=int(rng.integers(2, 4)))) for _ in range(2)]
    text = " ".join(words).title() if rng.random() < 0.5 else " ".join(words).upper()
    font = ImageFont.load_default(size=height * HEIGHT)
    draw = ImageDraw.Draw(cover)
    wide = draw.textlength(text, font=font)
    if wide > cover.width - 20:
        font = ImageFont.load_default(size=height * HEIGHT * (cover.width - 20) / wide)
        wide = draw.textlength(text, font=font)
    left = 10.0 if rng.random() < 0.5 else (cover.width - wide) / 2
    draw.text((left, top), text, fill=ink, font=font)
