"""Metadata in any state never refuse a photo; only the orientation counts."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, features

from dsc_common.features.images import check_photo, load_photo, load_pixels, upright_size
from dsc_common.features.metadata import without_metadata

# Pillow's own warnings: the package silences them in a process of its own, pytest shows them.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

WIDTH, HEIGHT = 64, 48
RIGHT_TOP = 6  # what EXIF calls a photo whose first row is its right side


def picture() -> Image.Image:
    coarse = np.random.default_rng(1).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)


def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")


TURNED = entry(0x0112, 3, 1, struct.pack("<H", RIGHT_TOP))
BEHIND = 8 + 2 + 2 * 12 + 4  # offset of what lies behind a directory of two entries
ODD = {
    "a negative divisor": entry(0x011A, 10, 1, struct.pack("<I", BEHIND)),
    "a resolution in words": entry(0x011A, 2, 4, b"low\0"),
    "no number": entry(0x011A, 11, 1, struct.pack("<f", float("nan"))),
    "a negative width": entry(0xA002, 9, 1, struct.pack("<i", -5)),
    "a date of numbers": entry(0x0132, 4, 1, struct.pack("<I", 7)),
    "a directory beyond the end": entry(0x8769, 4, 1, struct.pack("<I", 99_999)),
    "a directory that is a text": entry(0x8769, 2, 4, b"abc\0"),
    "a directory inside itself": entry(0x8825, 4, 1, struct.pack("<I", 8)),
    "a value of 4 GiB": entry(0x9286, 7, 0xFFFFFFFF, struct.pack("<I", 8)),
    "an unknown type": entry(0x9999, 99, 1, b""),
    "a value beyond the end": entry(0x010F, 2, 50, struct.pack("<I", 99_999)),
}


def exif(odd: bytes) -> bytes:
    entries = b"".join(sorted([TURNED, odd]))
    return b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4) + struct.pack("<ii", -1, 0)


def saved(format_: str, block: bytes) -> bytes:
    """The picture, stored as it is and said to be turned."""
    file = io.BytesIO()
    if format_ == "TIFF":
        return _with_entries(block)
    block = block if format_ == "PNG" else b"Exif\0\0" + block
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    picture().save(file, format_, exif=block, **options.get(format_, {}))
    return file.getvalue()


def _with_entries(block: bytes) -> bytes:
    """A TIFF file of the picture whose own directory has the entries of an EXIF block."""
    file = io.BytesIO()
    picture().save(file, "TIFF")
    data = file.getvalue()
    (at,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[at : at + 2])
    own = [data[at + 2 + 12 * k : at + 14 + 12 * k] for k in range(count)]
    more = [block[10:22], block[22:34]]
    entries = sorted([*own, *more], key=lambda item: struct.unpack("<H", item[:2]))
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + directory


def assert_turned(path: Path) -> None:
    check_photo(path)
    assert upright_size(path) == (HEIGHT, WIDTH)
    expected = np.asarray(picture().transpose(Image.Transpose.ROTATE_270), dtype=np.float32)
    pixels = load_pixels(path, WIDTH)[0].transpose(1, 2, 0) * 255
    np.testing.assert_allclose(pixels, expected, atol=4)
    np.testing.assert_allclose(np.asarray(load_photo(path, WIDTH), dtype=np.float32), expected, atol=4)


@pytest.mark.parametrize(
    ("format_", "odd"),
    [
        (format_, odd)
        for format_ in ("JPEG", "PNG", "WEBP", "TIFF")
        for odd in ODD
        if (format_, odd) != ("TIFF", "a value beyond the end")  # in its only directory: a damaged photo
    ],
)
def test_an_odd_entry_beside_the_orientation_does_no_harm(format_: str, odd: str, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(saved(format_, exif(ODD[odd])))
    assert_turned(tmp_path / "photo")


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("kind", [1, 3, 4, 8, 9])
def test_the_orientation_may_be_of_any_type_of_integer(kind: int, format_: str, tmp_path: Path) -> None:
    block = b"II*\0" + struct.pack("<IH", 8, 1) + entry(0x0112, kind, 1, b"\6\0\0\0") + bytes(4)
    (tmp_path / "photo").write_bytes(saved(format_, block))
    assert_turned(tmp_path / "photo")


def entry_of_mm(tag: int, kind: int, count: int) -> bytes:
    return struct.pack(">HHI", tag, kind, count)


DATE = entry_of_mm(0x0132, 2, 20)


@pytest.mark.skipif("avif" not in features.get_supported(), reason="this Pillow lacks AVIF")
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data,
        lambda data: data.replace(DATE, entry_of_mm(0x0132, 10, 20)),  # rationals beyond the end
        lambda data: data.replace(DATE, entry_of_mm(0x0132, 10, 1)),  # a rational in place of a text
        lambda data: data.replace(b"Exif\0\0MM", b"Exif\0\0XX"),
    ],
)
def test_avif(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    block = Image.Exif()
    block[0x0112] = RIGHT_TOP
    block[0x0132] = "2026:01:01 00:00:00"
    picture().save(tmp_path / "photo", "AVIF", quality=100, subsampling="4:4:4", exif=block)
    data = (tmp_path / "photo").read_bytes()
    assert DATE in data
    (tmp_path / "photo").write_bytes(damage(data))
    assert_turned(tmp_path / "photo")


TEXTS = {
    "XMP of 2 MB, compressed": {"itxt": ("XML:com.adobe.xmp", "<rdf:li>edit</rdf:li>" * 100_000, True)},
    "a comment of 3 MB": {"text": ("Comment", "x" * 3_000_000, False)},
    "a comment of 3 MB, compressed": {"text": ("Comment", "x" * 3_000_000, True)},
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_png_may_have_texts_of_any_size(name: str, tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    for kind, (key, value, zipped) in TEXTS[name].items():
        (info.add_itxt if kind == "itxt" else info.add_text)(key, value, zip=zipped)
    block = Image.Exif()
    block[0x0112] = RIGHT_TOP
    picture().save(tmp_path / "photo", "PNG", pnginfo=info, exif=block, icc_profile=bytes(5_000_000))
    assert_turned(tmp_path / "photo")


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"iCCP", b"name\0\7nothing"),
        png_chunk(b"iCCP", b""),
        png_chunk(b"pHYs", b"\0"),
        png_chunk(b"gAMA", b""),
        png_chunk(b"cHRM", b"\0\0\0"),
        png_chunk(b"tEXt", b"Comment\0abc")[:-4] + bytes(4),  # a wrong checksum
        png_chunk(b"zTXt", b"Raw profile type exif\0\0no zlib"),
        png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n9\nnot hexadecimal"),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0"),
    ],
)
def test_a_png_may_have_broken_chunks_beside_its_pixels(chunk: bytes, tmp_path: Path) -> None:
    data = saved("PNG", exif(ODD["no number"]))
    for at in (33, len(data) - 12):  # behind the header, and before the end
        (tmp_path / "photo").write_bytes(data[:at] + chunk + data[at:])
        assert_turned(tmp_path / "photo")


@pytest.mark.parametrize("compressed", [False, True])
def test_the_orientation_in_a_png_s_text(compressed: bool, tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", f'<x tiff:Orientation="{RIGHT_TOP}"/>', zip=compressed)
    picture().save(tmp_path / "xmp", "PNG", pnginfo=info)
    assert_turned(tmp_path / "xmp")
    info = PngImagePlugin.PngInfo()
    block = b"Exif\0\0" + exif(ODD["an unknown type"])
    info.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n", zip=compressed)
    picture().save(tmp_path / "raw", "PNG", pnginfo=info)
    assert_turned(tmp_path / "raw")


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


@pytest.mark.parametrize(
    "segment",
    [
        jpeg_segment(0xED, b"Photoshop 3.0\0" + b"8BIM\4"),
        jpeg_segment(0xE0, b"JFIF\0"),
        jpeg_segment(0xEE, b"Adobe"),
        jpeg_segment(0xE2, b"MPF\0garbage"),
        jpeg_segment(0xE2, b"ICC_PROFILE\0"),
        jpeg_segment(0xE1, b""),
        jpeg_segment(0xFE, bytes(60_000)),
        b"\xff\xff\xff" + jpeg_segment(0xE9, b"unknown")[1:],
    ],
)
def test_a_jpeg_may_have_broken_blocks_of_metadata(segment: bytes, tmp_path: Path) -> None:
    data = saved("JPEG", exif(ODD["no number"]))
    (tmp_path / "photo").write_bytes(data[:2] + segment + data[2:])
    assert_turned(tmp_path / "photo")


def test_pixels_are_left_as_they_are() -> None:
    for format_ in ("PNG", "JPEG"):
        data = saved(format_, exif(ODD["no number"]))
        plain = io.BytesIO(data)
        assert without_metadata(plain, format_) is plain  # nothing to leave out
        more = jpeg_segment(0xFE, b"comment") if format_ == "JPEG" else png_chunk(b"tEXt", b"a\0b")
        at = 2 if format_ == "JPEG" else 33
        left = without_metadata(io.BytesIO(data[:at] + more + data[at:]), format_)
        assert left.read() == data
        assert left.seek(-5, io.SEEK_END) == len(data) - 5
        assert left.read() == data[-5:]
        assert left.read() == b""
