"""JPEG files of any size and without their last bytes are read; those that lack much are refused."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsc_common.errors import InvalidImageError
from dsc_common.features import jpeg
from dsc_common.features.images import check_photo, load_photo, load_pixels

LONGEST_SIDE = 96
EOI = b"\xff\xd9"


def scene(width: int = 400, height: int = 300, mode: str = "RGB") -> Image.Image:
    """Coarse noise in every channel: no part of it is like another."""
    rng = np.random.default_rng(2)
    channels = [Image.fromarray(rng.integers(0, 256, (12, 16), dtype=np.uint8)) for _ in mode]
    picture = Image.merge(mode, channels)
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def coded(picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", **{"quality": 85, **options})
    return file.getvalue()


def read(data: bytes, path: Path, longest_side: int = LONGEST_SIDE) -> np.ndarray:
    path.write_bytes(data)
    return load_pixels(path, longest_side)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("missing", [1, 2, 3, 30, 60])
def test_a_few_missing_bytes_do_no_harm(missing: int, progressive: bool, mode: str, tmp_path: Path) -> None:
    data = coded(scene(mode=mode), progressive=progressive)
    whole = read(data, tmp_path / "whole.jpg")
    for end in (b"", EOI):
        cut = read(data[:-missing] + end, tmp_path / "cut.jpg")
        assert np.abs(cut - whole).mean() < 0.01


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(400, 300), (2400, 1800), (48, 64)])
@pytest.mark.parametrize("end", [b"", EOI])
def test_half_a_photo_is_refused(
    end: bytes, size: tuple[int, int], progressive: bool, mode: str, tmp_path: Path
) -> None:
    data = coded(scene(*size, mode), progressive=progressive)
    header = data.index(b"\xff\xda")
    for kept in (0.1, 0.5):
        with pytest.raises(InvalidImageError, match=r"^cannot read .*cut\.jpg: .*missing[^\n]*$"):
            read(data[: header + 12 + int(kept * (len(data) - header))] + end, tmp_path / "cut.jpg")


@pytest.mark.parametrize(("kept", "is_read"), [(0.97, True), (0.9, False)])
def test_a_twentieth_may_be_missing(kept: float, is_read: bool, tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(
        0, 256, (320, 320, 3), dtype=np.uint8
    )  # equally much everywhere
    data = coded(Image.fromarray(noise))
    if is_read:
        read(data[: int(kept * len(data))], tmp_path / "cut.jpg")
    else:
        with pytest.raises(InvalidImageError, match=r"last (9|1\d)% of its pixels are missing \(limit 5%"):
            read(data[: int(kept * len(data))], tmp_path / "cut.jpg")


@pytest.mark.parametrize("size", [(400, 300), (2400, 1800), (48, 160)])
@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("coloured", [0.0, 0.1, 0.5, 0.8])
def test_a_photo_that_ends_in_grey_is_whole(
    coloured: float, optimize: bool, size: tuple[int, int], tmp_path: Path
) -> None:
    picture = Image.new("RGB", size, (128, 128, 128))
    rows = int(coloured * size[1])
    if rows:
        picture.paste(scene(*size).crop((0, 0, size[0], rows)), (0, 0))
    shown = read(coded(picture, optimize=optimize), tmp_path / "a.jpg")
    np.testing.assert_allclose(shown[0, :, -1], 128 / 255, atol=0.02)


def test_restarts_and_further_pictures_behind_do_not_count_as_missing(tmp_path: Path) -> None:
    restarts = coded(scene(), restart_marker_blocks=7)
    assert len(re.findall(rb"\xff[\xd0-\xd7]", restarts)) > 10
    whole = read(coded(scene()), tmp_path / "whole.jpg")
    np.testing.assert_array_equal(read(restarts, tmp_path / "a.jpg"), whole)
    np.testing.assert_array_equal(read(restarts + restarts[:900], tmp_path / "b.jpg"), whole)


def test_a_marker_in_the_middle_of_the_data_is_the_end(tmp_path: Path) -> None:
    data = bytearray(coded(scene()))
    data[len(data) // 2 : len(data) // 2 + 2] = EOI
    with pytest.raises(InvalidImageError, match="of its pixels are missing"):
        read(bytes(data), tmp_path / "a.jpg")


def huge(width: int, height: int, **options: object) -> bytes:
    """A JPEG that claims more pixels than its data have: its header alone is that of a huge photo."""
    data = bytearray(coded(scene(64, 48), **options))
    at = re.search(rb"\xff[\xc0\xc2]", data)
    assert at is not None
    data[at.start() + 5 : at.start() + 9] = height.to_bytes(2) + width.to_bytes(2)
    return bytes(data)


def test_no_jpeg_is_too_large_by_its_header_alone(tmp_path: Path) -> None:
    for size in ((12_000, 9_000), (16_320, 12_240), (65_500, 65_500)):
        (tmp_path / "a.jpg").write_bytes(huge(*size))
        check_photo(tmp_path / "a.jpg")


def test_coefficients_of_a_progressive_jpeg_have_a_limit(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(huge(12_000, 9_000, progressive=True))  # 3 bytes a pixel
    check_photo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(huge(16_320, 12_240, progressive=True))
    for call in (check_photo, lambda photo: load_pixels(photo, LONGEST_SIDE)):
        with pytest.raises(InvalidImageError, match=r"take 571 MiB to decode \(limit 512 MiB\)$"):
            call(tmp_path / "b.jpg")


@pytest.mark.parametrize("size", [(1600, 90), (90, 1600)])
def test_a_panorama_is_reduced_by_its_longer_side_where_it_must(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsc_common.features.opening.MAX_PIXELS", 100_000)
    flat = read(coded(Image.new("RGB", size, (50, 100, 150))), tmp_path / "a.jpg")
    assert flat.shape[2:] == ((32, 96) if size[0] > size[1] else (96, 32))
    assert np.abs(flat[0] - np.array([50, 100, 150])[:, None, None] / 255).max() < 0.01


def test_a_reduced_jpeg_may_still_be_too_large(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(huge(12_000, 9_000))
    with pytest.raises(InvalidImageError, match="photo too large to decode safely"):
        load_pixels(tmp_path / "a.jpg", 6_001)  # not to be reduced: twice as many pixels are wanted
    with pytest.raises(InvalidImageError, match="photo too large to decode safely"):
        load_pixels(tmp_path / "a.jpg", 96, (0.0, 0.0, 64.0, 48.0))  # a part is cut out of the whole photo


def test_a_jpeg_of_countless_scans_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg, "MAX_SCANS", 9)
    with pytest.raises(InvalidImageError, match="expected at most 9 scans, got 10"):
        read(coded(scene(), progressive=True), tmp_path / "a.jpg")


def test_a_photo_above_the_limit_of_other_formats_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsc_common.features.opening.MAX_PIXELS", 150_000)
    whole = coded(scene(1600, 1200))
    assert read(whole, tmp_path / "a.jpg").shape == (1, 3, 72, 96)
    assert load_photo(tmp_path / "a.jpg", 90).size == (90, 68)
    scene(600, 300).save(tmp_path / "a.png")
    with pytest.raises(InvalidImageError, match=r"too large to decode safely \(limit 150000 pixels\)"):
        load_pixels(tmp_path / "a.png", LONGEST_SIDE)
