"""Whatever a file is and is called, it is read, or refused in one line that says what it is."""

import io
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image, features

from dsc_common.errors import InvalidImageError
from dsc_common.features.images import check_photo, load_photo, load_pixels

SIZE = (64, 48)


def picture() -> Image.Image:
    coarse = np.random.default_rng(6).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(SIZE, Image.Resampling.NEAREST)


def saved(format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture().save(file, format_, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("format_", "options", "tolerance"),
    [
        ("JPEG", {"quality": 100, "subsampling": 0}, 4),
        ("MPO", {"quality": 100, "subsampling": 0, "save_all": True}, 4),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("GIF", {}, 0),
        ("BMP", {}, 0),
        ("DIB", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"big_tiff": True}, 0),
        ("PPM", {}, 0),
        ("AVIF", {"quality": 100, "subsampling": "4:4:4"}, 6),
        ("JPEG2000", {}, 0),
    ],
)
@pytest.mark.parametrize("name", ["photo", "photo.HEIC", "photo.jpg", "photo.mov"])
def test_the_content_counts_not_the_name(
    name: str, format_: str, options: dict[str, object], tolerance: int, tmp_path: Path
) -> None:
    if format_ == "AVIF" and "avif" not in features.get_supported():
        pytest.skip("this Pillow lacks AVIF")
    (tmp_path / name).write_bytes(saved(format_, **options))
    check_photo(tmp_path / name)
    pixels = load_pixels(tmp_path / name, SIZE[0])[0].transpose(1, 2, 0) * 255
    np.testing.assert_allclose(pixels, np.asarray(picture()), atol=tolerance + 1e-3)
    np.testing.assert_allclose(load_photo(tmp_path / name, 99), np.asarray(picture()), atol=tolerance + 1e-3)


JPEG = saved("JPEG")
FRAME = JPEG.index(b"\xff\xc0")
REFUSED = {
    "HEIC is not read (install pillow-heif": b"\0\0\0\x18ftypheic" + bytes(99),
    "camera raw (CR2) is not read (export it as JPEG)": b"II*\0\x10\0\0\0CR\2\0" + bytes(99),
    "JPEG XL is not read (export it as JPEG or PNG)": b"\xff\x0a" + bytes(99),
    "not a photo but a video (MP4)": b"\0\0\0\x18ftypisom" + bytes(99),
    "not a photo (expected JPEG, PNG,": b"BMW is no bitmap",
    "JPEG header is damaged or of an unknown kind": JPEG[:FRAME],
    "(cannot handle 12-bit layers)": JPEG[: FRAME + 4] + b"\x0c" + JPEG[FRAME + 5 :],
    "it has no pixels": JPEG[: JPEG.index(b"\xff\xda")] + b"\xff\xd9",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_not_read_is_one_line(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "photo.jpg"
    path.write_bytes(REFUSED[line])
    with pytest.raises(InvalidImageError) as caught:
        load_pixels(path, SIZE[0])
    assert line in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_heic_is_read_by_the_package_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a package that takes anything for HEIC, and shows a picture for it."""

    def opener(file: io.BytesIO, _: str) -> Image.Image:
        assert file.read(12)[4:] == b"ftypheic"
        return picture()

    package = ModuleType("pillow_heif")
    package.__spec__ = ModuleSpec("pillow_heif", None)
    package.register_heif_opener = lambda: Image.register_open("HEIF", opener)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", package)
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    pixels = load_pixels(tmp_path / "a.heic", SIZE[0])[0].transpose(1, 2, 0) * 255
    np.testing.assert_allclose(pixels, np.asarray(picture()), atol=1e-3)
