"""Any photo comes out as the same upright RGB pixels, or is refused in one line that names it."""

import contextlib
import os
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from dsc_common.errors import InvalidImageError
from dsc_common.features.images import MIN_SIDE, Box, check_photo, load_pixels

# Pillow's own warnings: the package silences them in a process of its own, pytest shows them.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")

Pixels = NDArray[np.uint8]
ORIENTATION = 0x0112
WIDTH, HEIGHT = 64, 48
# In each format that is read: how it is saved, and how far lossy coding may move a sample (of 255).
SAVED = {
    "JPEG": ({"quality": 100, "subsampling": 0}, 4),
    "PNG": ({}, 0),
    "WEBP": ({"lossless": True}, 0),
    "BMP": ({}, 0),
    "TIFF": ({}, 0),
    "PPM": ({}, 0),
}
# The entry of a TIFF file for its samples per pixel: 3, and more than can be.
SAMPLES = struct.pack("<HHIHH", 277, 3, 1, 3, 0)
MANY_SAMPLES = struct.pack("<HHIHH", 277, 3, 1, 160, 0)
WITH_EXIF = ("JPEG", "PNG", "WEBP", "TIFF")


def picture(width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """(H, W, 3): blocks of 16 x 16 pixels, every block of a colour of its own, no symmetry."""
    rng = np.random.default_rng(5)
    blocks = rng.integers(0, 256, (-(-height // 16), -(-width // 16), 3), dtype=np.uint8)
    return blocks.repeat(16, axis=0).repeat(16, axis=1)[:height, :width]


def as_stored(upright: Pixels, orientation: int) -> Pixels:
    """What a camera stores, pixel by pixel: where EXIF says that row 0 and column 0 lie in the scene."""
    height, width, _ = upright.shape
    bottom, right = height - 1, width - 1
    # (row, column) of the stored picture -> (row, column) of the scene.
    scene: dict[int, Callable[[int, int], tuple[int, int]]] = {
        1: lambda r, c: (r, c),  # row 0 top, column 0 left
        2: lambda r, c: (r, right - c),  # top, right
        3: lambda r, c: (bottom - r, right - c),  # bottom, right
        4: lambda r, c: (bottom - r, c),  # bottom, left
        5: lambda r, c: (c, r),  # left, top
        6: lambda r, c: (c, right - r),  # right, top
        7: lambda r, c: (bottom - c, right - r),  # right, bottom
        8: lambda r, c: (bottom - c, r),  # left, bottom
    }
    rows, columns = (height, width) if orientation <= 4 else (width, height)
    place = scene[orientation]
    return np.array([[upright[place(r, c)] for c in range(columns)] for r in range(rows)], dtype=np.uint8)


def samples(path: Path, longest_side: int = WIDTH, **options: object) -> NDArray[np.float32]:
    """(H, W, 3) in 0..255 of what is loaded."""
    pixels = load_pixels(path, longest_side, **options)  # type: ignore[arg-type]
    assert pixels.dtype == np.float32
    assert pixels.shape[:2] == (1, 3)
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    assert pixels.flags.c_contiguous
    return 255 * pixels[0].transpose(1, 2, 0)


def flat(image: Image.Image, path: Path, **options: object) -> list[int]:
    """The one colour of a flat picture, after a round trip through a file."""
    image.save(path, **options)
    loaded = samples(path, 40)
    assert (loaded == loaded[0, 0]).all()
    return [int(sample) for sample in loaded[0, 0].round()]


def png(width: int, height: int, depth: int, colour_type: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG file by hand."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IEND", b"")


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@contextlib.contextmanager
def refused(path: Path, reason: str) -> Iterator[None]:
    with pytest.raises(InvalidImageError) as caught:
        yield
    line = str(caught.value)
    assert reason in line
    assert str(path) in line
    assert "\n" not in line


@pytest.mark.parametrize("kind", SAVED)
def test_every_format(kind: str, tmp_path: Path) -> None:
    options, tolerance = SAVED[kind]
    Image.fromarray(picture()).save(tmp_path / "photo", format=kind, **options)
    check_photo(tmp_path / "photo")
    np.testing.assert_allclose(samples(tmp_path / "photo"), picture(), atol=tolerance + 1e-3)


@pytest.mark.parametrize("kind", WITH_EXIF)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_gives_the_same_upright_pixels(kind: str, orientation: int, tmp_path: Path) -> None:
    options, tolerance = SAVED[kind]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = Image.fromarray(as_stored(picture(), orientation))
    stored.save(tmp_path / "photo", format=kind, exif=exif.tobytes(), **options)
    np.testing.assert_allclose(samples(tmp_path / "photo"), picture(), atol=tolerance + 1e-3)


def test_orientation_of_a_picture_with_palette_and_transparency(tmp_path: Path) -> None:
    upright = Image.fromarray(picture()).quantize(12)
    expected = np.asarray(upright.convert("RGB")).copy()
    clear = np.asarray(upright) == 3
    expected[clear] = 255
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "p.png", transparency=3, exif=exif)
    np.testing.assert_allclose(samples(tmp_path / "p.png"), expected, atol=1e-3)


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x63\0\0\0\0\0\0",  # orientation 99
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x01\0\x06\0\0\0\0\0\0",  # orientation a text
    ],
)
def test_a_photo_with_broken_exif_is_still_a_photo(exif: bytes, tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.jpg", exif=exif, quality=100, subsampling=0)
    np.testing.assert_allclose(samples(tmp_path / "a.jpg"), picture(), atol=4)


def test_alpha_lies_over_white(tmp_path: Path) -> None:
    # 255 · (1 - a) + colour · a with a = 128/255: 127 for what is 0, 255 for what is 255.
    assert flat(Image.new("RGBA", (40, 40), (255, 0, 0, 128)), tmp_path / "a.png") == [255, 127, 127]
    assert flat(Image.new("RGBA", (40, 40), (9, 9, 9, 0)), tmp_path / "b.png") == [255, 255, 255]
    assert flat(Image.new("RGBA", (40, 40), (9, 8, 7, 255)), tmp_path / "c.png") == [9, 8, 7]
    assert flat(Image.new("LA", (40, 40), (0, 128)), tmp_path / "d.png") == [127, 127, 127]
    assert flat(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), tmp_path / "e.webp", lossless=True) == [255] * 3


def test_grey_and_one_bit(tmp_path: Path) -> None:
    assert flat(Image.new("L", (40, 40), 77), tmp_path / "a.png") == [77, 77, 77]
    assert flat(Image.new("L", (40, 40), 77), tmp_path / "a.jpg", quality=100) == [77, 77, 77]
    assert flat(Image.new("1", (40, 40), 1), tmp_path / "b.png") == [255, 255, 255]
    assert flat(Image.new("1", (40, 40), 0), tmp_path / "c.tif") == [0, 0, 0]


def test_palettes(tmp_path: Path) -> None:
    image = Image.new("P", (40, 40), 2)
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    assert flat(image, tmp_path / "plain.png") == [70, 80, 90]
    assert flat(image, tmp_path / "plain.gif") == [70, 80, 90]
    assert flat(image, tmp_path / "clear.png", transparency=2) == [255, 255, 255]
    assert flat(image, tmp_path / "clear.gif", transparency=2) == [255, 255, 255]
    assert flat(image, tmp_path / "another clear.png", transparency=1) == [70, 80, 90]
    # Half of entry 2: 70 · 128/255 + 255 · 127/255 and so on.
    assert flat(image, tmp_path / "half.png", transparency=bytes([255, 255, 128])) == [162, 167, 172]


def test_one_colour_declared_transparent(tmp_path: Path) -> None:
    red = Image.new("RGB", (40, 40), (200, 10, 20))
    assert flat(red, tmp_path / "a.png", transparency=(200, 10, 20)) == [255, 255, 255]
    assert flat(red, tmp_path / "b.png", transparency=(200, 10, 21)) == [200, 10, 20]
    assert flat(Image.new("L", (40, 40), 5), tmp_path / "c.png", transparency=5) == [255, 255, 255]


@pytest.mark.parametrize(("sample", "grey"), [(0, 0), (257, 1), (128 * 257, 128), (65535, 255)])
def test_sixteen_bits(sample: int, grey: int, tmp_path: Path) -> None:
    image = Image.fromarray(np.full((40, 40), sample, dtype=np.uint16))
    assert flat(image, tmp_path / "a.png") == [grey] * 3
    assert flat(image, tmp_path / "a.tif") == [grey] * 3
    assert flat(image, tmp_path / "a.pgm") == [grey] * 3
    row = b"\0" + struct.pack(">H", sample) * 3 * 40
    (tmp_path / "rgb.png").write_bytes(png(40, 40, 16, 2, row * 40))
    assert (samples(tmp_path / "rgb.png", 40).round() == grey).all()


def test_sixteen_bits_and_orientation(tmp_path: Path) -> None:
    upright = picture()[:, :, :1]
    exif = Image.Exif()
    exif[ORIENTATION] = 8
    stored = as_stored(upright, 8)[:, :, 0].astype(np.uint16) * 257
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_allclose(samples(tmp_path / "a.png"), upright.repeat(3, axis=2), atol=1e-3)


@pytest.mark.parametrize(
    ("ink", "colour"),
    [
        ((0, 0, 0, 0), [255, 255, 255]),
        ((0, 255, 255, 0), [255, 0, 0]),
        ((255, 0, 255, 0), [0, 255, 0]),
        ((0, 0, 0, 255), [0, 0, 0]),
    ],
)
def test_cmyk(ink: tuple[int, ...], colour: list[int], tmp_path: Path) -> None:
    image = Image.new("CMYK", (40, 40), ink)
    for name, options in [("a.jpg", {"quality": 100}), ("a.tif", {})]:
        np.testing.assert_allclose(flat(image, tmp_path / name, **options), colour, atol=2)


def test_a_large_cmyk_photo_is_decoded_at_a_reduced_scale_too(tmp_path: Path) -> None:
    Image.new("CMYK", (900, 700), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    np.testing.assert_allclose(samples(tmp_path / "a.jpg", 40), np.full((32, 40, 3), [255, 0, 0]), atol=3)


def test_of_several_frames_the_first_counts(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (40, 40), (255, 0, 0)), Image.new("RGB", (40, 40), (0, 0, 255))
    for name in ("a.gif", "a.tif", "a.webp", "a.png"):
        lossless = {"lossless": True} if name == "a.webp" else {}
        colour = flat(first, tmp_path / name, save_all=True, append_images=[second], **lossless)
        assert colour == [255, 0, 0]
    first.save(tmp_path / "a.mpo", format="MPO", save_all=True, append_images=[second])
    np.testing.assert_allclose(samples(tmp_path / "a.mpo", 40)[0, 0], [254, 0, 0], atol=2)


@pytest.mark.parametrize("orientation", [1, 6])
def test_reduced_scale_decoding_is_close_to_full_decoding(orientation: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    stored = coarse.resize((1600, 1200), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored.save(tmp_path / "a.jpg", quality=95, exif=exif)
    with Image.open(tmp_path / "a.jpg") as image:
        image.save(tmp_path / "a.bmp")  # decoded in full; BMP has no EXIF
    reduced, full = samples(tmp_path / "a.jpg", 100), samples(tmp_path / "a.bmp", 100)
    if orientation == 6:
        full = full.transpose(1, 0, 2)[:, ::-1]
    assert reduced.shape == full.shape == ((75, 100, 3) if orientation == 1 else (100, 75, 3))
    assert np.abs(reduced - full).mean() < 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_box_is_in_pixels_of_the_upright_photo(kind: str, orientation: int, tmp_path: Path) -> None:
    options, tolerance = SAVED[kind]
    upright = picture(640, 480)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(as_stored(upright, orientation)).save(tmp_path / "a", format=kind, exif=exif, **options)
    cut = samples(tmp_path / "a", 640, box=(160.0, 64.0, 256.0, 144.0))
    np.testing.assert_allclose(cut, upright[64:144, 160:256], atol=tolerance + 1e-3)


def test_the_whole_photo_as_a_box_is_the_whole_photo(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.png")
    whole = samples(tmp_path / "a.png", box=(0.0, 0.0, float(WIDTH), float(HEIGHT)))
    assert (whole == samples(tmp_path / "a.png")).all()


@pytest.mark.parametrize(
    ("longest_side", "shape"),
    [
        (362, (255, 181)),  # 722 · 362/1024 and 512 · 362/1024, as cirtorch scales it
        (512, (361, 256)),
        (1024, (722, 512)),
        (2048, (722, 512)),  # never enlarged
        (40, (MIN_SIDE, MIN_SIDE)),
    ],
)
def test_a_box_is_scaled_by_the_factor_of_its_photo(
    longest_side: int, shape: tuple[int, int], tmp_path: Path
) -> None:
    Image.new("RGB", (1024, 768)).save(tmp_path / "a.png")
    pixels = load_pixels(tmp_path / "a.png", longest_side, (100.0, 20.0, 612.0, 742.0))
    assert pixels.shape == (1, 3, *shape)


@pytest.mark.parametrize("box", [(4.5, 3.5, 40.5, 36.49), (4.51, 3.49, 41.5, 37.5), (9.9, 0.6, 45.2, 40.4)])
def test_corners_of_a_box_are_rounded_as_pillow_rounds_them(box: Box, tmp_path: Path) -> None:
    pixels = np.random.default_rng(8).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    expected = np.asarray(Image.fromarray(pixels).crop(box))
    np.testing.assert_allclose(samples(tmp_path / "a.png", box=box), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("box", "row", "column"),
    [
        ((63.2, 47.3, 63.4, 47.4), 47, 63),
        ((63.7, 47.6, 63.9, 47.9), 47, 63),  # rounded, it would begin beyond the photo
        ((0.1, 0.1, 0.2, 0.2), 0, 0),
    ],
)
def test_a_box_of_less_than_a_pixel_is_a_pixel(box: Box, row: int, column: int, tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.png")
    loaded = samples(tmp_path / "a.png", 40, box=box)
    pixel = np.broadcast_to(picture()[row, column], (MIN_SIDE, MIN_SIDE, 3))
    np.testing.assert_allclose(loaded, pixel, atol=1e-3)


@pytest.mark.parametrize(
    "box",
    [
        (0.0, 0.0, 65.0, 48.0),
        (0.0, 0.0, 64.0, 48.5),
        (-1.0, 0.0, 64.0, 48.0),
        (10.0, 0.0, 10.0, 48.0),
        (20.0, 0.0, 10.0, 48.0),
        (0.0, float("nan"), 64.0, 48.0),
        (0.0, 0.0, float("inf"), 48.0),
    ],
)
def test_a_box_outside_the_photo_is_refused(box: tuple[float, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(picture()).save(path)
    with refused(path, "expected a box inside 64 x 48 pixels, got ["):
        samples(path, box=box)


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((1, 1), (64, 64)),
        ((5000, 2), (32, 64)),
        ((2, 5000), (64, 32)),
        ((3, 2), (43, 64)),
        ((640, 480), (48, 64)),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_extreme_sizes(size: tuple[int, int], shape: tuple[int, int], suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", size, (50, 100, 150)).save(path, quality=95)
    loaded = samples(path, 64)
    assert loaded.shape[:2] == shape
    assert min(loaded.shape[:2]) >= MIN_SIDE
    np.testing.assert_allclose(loaded, np.broadcast_to([50, 100, 150], loaded.shape), atol=2)


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (10_000, 10_000), (89_478_486, 1)])
@pytest.mark.parametrize("all_warnings_off", [False, True])
def test_a_decompression_bomb_is_refused_by_its_header(
    width: int, height: int, all_warnings_off: bool, tmp_path: Path
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(width, height, 8, 2, bytes(1000)))
    assert path.stat().st_size < 200
    with warnings.catch_warnings():
        if all_warnings_off:
            warnings.resetwarnings()
            warnings.simplefilter("ignore")
        for read in (check_photo, samples):
            with refused(path, "photo too large to decode safely (limit 89478485 pixels)"):
                read(path)


def test_a_bomb_in_a_text_chunk_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "text.png"
    text = png_chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(200 << 20), 9))
    path.write_bytes(png(1, 1, 8, 2, b"\0\1\2\3", extra=text))
    tracemalloc.start()
    np.testing.assert_allclose(samples(path, 40)[0, 0], [1, 2, 3], atol=1e-3)
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "sparse.jpg"
    with path.open("wb") as file:
        file.truncate((256 << 20) + 1)
    with refused(path, "expected a photo of at most 256 MiB"):
        check_photo(path)


def test_what_is_no_photo_is_refused(tmp_path: Path) -> None:
    kinds = "not a photo (expected JPEG, PNG,"
    files = {
        "empty.jpg": (b"", "expected a photo, got an empty file"),
        "text.jpg": (b"hello\nworld", kinds),
        "zeros.png": (bytes(1000), kinds),
    }
    for name, (data, reason) in files.items():
        path = tmp_path / name
        path.write_bytes(data)
        for read in (check_photo, samples):
            with refused(path, reason):
                read(path)


def test_formats_that_call_an_outside_program_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "postscript.jpg"
    Image.fromarray(picture()).save(path, format="EPS")
    with refused(path, "not a photo"):
        check_photo(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    expected = {tmp_path: "expected a file, got a", tmp_path / "pipe.jpg": "expected a file, got a"}
    for path, line in {**expected, tmp_path / "missing.jpg": "no such photo"}.items():
        for read in (check_photo, samples):
            with refused(path, line):
                read(path)


@pytest.mark.parametrize("kind", [*SAVED, "GIF"])
@pytest.mark.parametrize("kept", [0.01, 0.1, 0.5, 0.9])
def test_a_truncated_photo_is_refused(kind: str, kept: float, tmp_path: Path) -> None:
    path = tmp_path / "cut"
    noise = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, format=kind)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with refused(path, ""):
        samples(path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_bytes_are_refused_or_still_a_photo(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "damaged"
    kind = data.draw(st.sampled_from([*SAVED, "GIF"]))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    options = {"exif": exif} if kind in WITH_EXIF else {}
    Image.fromarray(picture(20, 10)).save(path, format=kind, **options)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, min(len(content) - 1, 300)))
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        loaded = samples(path, 32)
    except InvalidImageError:
        return
    assert max(loaded.shape[:2]) == 32
    assert np.isfinite(loaded).all()


@pytest.mark.parametrize("damage", [lambda data: data[:20], lambda data: data.replace(SAMPLES, MANY_SAMPLES)])
def test_a_damaged_photo_says_nothing_but_our_line(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "cut.tif"
    Image.fromarray(picture()).save(path)
    assert SAMPLES in path.read_bytes()
    path.write_bytes(damage(path.read_bytes()))
    program = (
        "import sys; from pathlib import Path; from dsc_common.features.images import load_pixels\n"
        "try: load_pixels(Path(sys.argv[1]), 64)\n"
        "except ValueError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
