"""A photo of the largest size takes a bounded amount of memory, whatever its samples."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

PNG_SIZE = (10_400, 8_600)  # 89.4 megapixels
GREY_16, RGB_8, PALETTE, RGBA_8, RGBA_16 = (16, 0), (8, 2), (8, 3), (8, 6), (16, 6)
CHANNELS = {0: 1, 2: 3, 3: 1, 6: 4}
# VmHWM is the process's own; `ru_maxrss` is at least what its parent had.
PROGRAM = """
import sys
from pathlib import Path
from dsc_common.features.images import load_pixels
def most(): return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = most()
load_pixels(Path(sys.argv[1]), 362)
print(most() - before)
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def mebibytes(path: Path) -> int:
    """What a process of its own takes to read the photo, beside what it has anyway."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, path], capture_output=True, text=True, check=True)
    return int(done.stdout) >> 10


def write_png(path: Path, depth: int, colour_type: int) -> None:
    width, height = PNG_SIZE
    deflate = zlib.compressobj(1)
    row = b"\0" + bytes(width * CHANNELS[colour_type] * depth // 8)
    data = b"".join(deflate.compress(row) for _ in range(height)) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    palette = [(b"PLTE", bytes(range(9))), (b"tRNS", b"\x80")] if colour_type == 3 else []
    chunks = [(b"IHDR", header), *palette, (b"IDAT", data), (b"IEND", b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "limit"), [(GREY_16, 300), (RGB_8, 450), (PALETTE, 200), (RGBA_8, 450), (RGBA_16, 450)]
)
def test_a_png_takes_little_more_than_its_pixels(kind: tuple[int, int], limit: int, tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", *kind)
    assert mebibytes(tmp_path / "a.png") < limit


@pytest.mark.parametrize(
    ("progressive", "limit"), [(False, 100), pytest.param(True, 500, marks=pytest.mark.slow)]
)
def test_a_jpeg_of_108_megapixels(progressive: bool, limit: int, tmp_path: Path) -> None:
    Image.radial_gradient("L").resize((12_000, 9_000)).convert("RGB").save(
        tmp_path / "a.jpg", quality=80, progressive=progressive
    )
    assert mebibytes(tmp_path / "a.jpg") < limit


def test_a_16_bit_photo_of_ordinary_size(tmp_path: Path) -> None:
    Image.new("I;16", (4000, 3000), 30_000).save(tmp_path / "a.png", compress_level=1)
    assert mebibytes(tmp_path / "a.png") < 60  # 23 MiB of samples
