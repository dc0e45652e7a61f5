"""How much is missing at the end of a JPEG of one scan, by the grey that decoders show in its place.

A missing block has zero coefficients, so it is shown in the grey of the middle. A photo may end in this very
grey, rarely: then its last bytes hold nothing but that grey, and without them the rest looks the same.
"""

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dsc_common.features.jpeg import END, JpegReader, end_of_scan, structure

MAX_MISSING = 0.05  # of the pixels

_GREY = {"L": (128,), "RGB": (128,), "CMYK": (127, 128)}  # CMYK may be stored inverted
_ROWS = 64
# A grey block of 8 x 8 pixels takes two bits or more (of Huffman code): half of that is surely grey.
_PIXELS_PER_BYTE = 512


def check_tail(photo: JpegReader) -> None:
    """Raise ValueError if more than MAX_MISSING of a photo, loaded from one scan, is missing at its end."""
    missing = _grey_pixels(photo) / (photo.width * photo.height)
    if missing > MAX_MISSING and _is_cut(photo, missing):
        raise ValueError(f"the last {missing:.0%} of its pixels are missing (limit {MAX_MISSING:.0%})")


def _grey_pixels(photo: Image.Image) -> int:
    """Number of pixels that are missing, or grey by chance: at the right end of each of the last rows."""
    count = 0
    for rows in _strips_from_below(photo):
        lengths = _grey_ends(rows, photo.mode)
        rows_above = np.flatnonzero(lengths == 0)
        if rows_above.size:
            return count + int(lengths[rows_above[-1] :].sum())
        count += int(lengths.sum())
    return count


def _strips_from_below(photo: Image.Image) -> Iterator[NDArray[np.uint8]]:
    """Rows (R, W, C) of the photo, in order inside each strip; first the last row alone, mostly enough."""
    bottom, rows = photo.height, 1
    while bottom > 0:
        top = max(0, bottom - rows)
        yield np.asarray(photo.crop((0, top, photo.width, bottom))).reshape(bottom - top, photo.width, -1)
        bottom, rows = top, _ROWS


def _grey_ends(rows: NDArray[np.uint8], mode: str) -> NDArray[np.int64]:
    """Number of grey pixels at the right end of each row (R, W, C)."""
    grey: NDArray[np.bool_] = np.all(np.isin(rows, _GREY.get(mode, ())), axis=2)
    lengths: NDArray[np.int64] = np.where(
        np.all(grey, axis=1), grey.shape[1], np.argmin(grey[:, ::-1], axis=1)
    )
    return lengths


def _is_cut(photo: JpegReader, missing: float) -> bool:
    """Whether the last bytes of the scan, of which a grey end would need more, hold more than grey."""
    photo.source.seek(0)
    data = photo.source.read()
    frame, scans = structure(data)
    dropped = max(1, int(missing * frame.width * frame.height) // _PIXELS_PER_BYTE)
    end = end_of_scan(data, scans[0]) - dropped
    if end <= scans[0].start:
        return True
    shorter = JpegReader(io.BytesIO(data[:end] + END))
    if photo.requested is not None:
        shorter.request(photo.requested)
    return _differ_before_grey(photo, shorter)


def _differ_before_grey(photo: Image.Image, shorter: Image.Image) -> bool:
    columns = np.arange(photo.width)
    for rows, others in zip(_strips_from_below(photo), _strips_from_below(shorter), strict=True):
        before_grey = columns < photo.width - _grey_ends(rows, photo.mode)[:, None]
        if np.any(np.any(rows != others, axis=2) & before_grey):
            return True
    return False
