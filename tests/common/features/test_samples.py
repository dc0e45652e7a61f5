"""Pictures with more than 8 bits a sample look like those with 8 bits: by their tags, or by their range."""

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dsc_common.errors import InvalidImageError
from dsc_common.features.images import load_photo, load_pixels

WIDTH, HEIGHT = 64, 48
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1


def grey() -> NDArray[np.uint8]:
    """(H, W): from black to white, in blocks."""
    levels = np.linspace(0, 255, 12).round().astype(np.uint8).reshape(3, 4)
    return levels.repeat(16, axis=0).repeat(16, axis=1)


def tiff(
    samples: NDArray[np.generic],
    format_: int,
    photometric: int = BLACK_IS_ZERO,
    bits: int | None = None,
    more: dict[int, int] | None = None,
) -> bytes:
    """A TIFF file of one channel and one strip, in the byte order of the samples."""
    order = ">" if samples.dtype.byteorder == ">" else "<"
    data = samples.tobytes()
    tags = {256: WIDTH, 257: HEIGHT, 258: bits or 8 * samples.itemsize, 259: 1, 262: photometric}
    tags |= {277: 1, 278: HEIGHT, 279: len(data), 339: format_, **(more or {})}
    tags[273] = 8 + 2 + 12 * (len(tags) + 1) + 4
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(f"{order}IH", 8, len(tags))
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    return head + entries + bytes(4) + data


def shown(path: Path) -> NDArray[np.float32]:
    """(H, W) in 0..255."""
    pixels = load_pixels(path, WIDTH)[0] * 255
    assert (pixels[0] == pixels[1]).all()
    assert (pixels[0] == pixels[2]).all()
    np.testing.assert_allclose(np.asarray(load_photo(path, WIDTH))[:, :, 0], pixels[0], atol=1e-3)
    return pixels[0]


FILES = {
    "unsigned 16 bits": (grey().astype("<u2") * 257, UNSIGNED),
    "unsigned 16 bits, big-endian": (grey().astype(">u2") * 257, UNSIGNED),
    "floats 0…1": (grey().astype("<f4") / 255, FLOAT),
    "floats 0…1, big-endian": (grey().astype(">f4") / np.float32(255), FLOAT),
    "floats 0…1, a little beyond": (grey().astype("<f4") / 255 * 1.04 - 0.02, FLOAT),
    "floats 0…255": (grey().astype("<f4"), FLOAT),
    "floats 0…65535": (grey() * np.float32(257), FLOAT),
    "floats 0…3.7": (grey() * np.float32(3.7 / 255), FLOAT),
    "floats -1…1": (grey() * np.float32(2 / 255) - 1, FLOAT),
    "signed 32 bits, 0…255": (grey().astype("<i4"), SIGNED),
    "signed 32 bits, 0…65535": (grey().astype("<i4") * 257, SIGNED),
    "signed 32 bits, all of them": ((grey().astype("<i8") * 16_843_009 - 2**31).astype("<i4"), SIGNED),
    "unsigned 32 bits, all of them": (grey().astype("<u4") * 16_843_009, UNSIGNED),
    "signed 32 bits, 0…4095": (grey().astype("<i4") * 4095 // 255, SIGNED),
    "signed 16 bits, 0…32767": ((grey() * (32767 / 255)).astype("<i2"), SIGNED),
}


@pytest.mark.parametrize("name", FILES)
def test_samples_of_a_tiff(name: str, tmp_path: Path) -> None:
    samples, format_ = FILES[name]
    (tmp_path / "a.tif").write_bytes(tiff(samples, format_))
    np.testing.assert_allclose(shown(tmp_path / "a.tif"), grey(), atol=6 if "beyond" in name else 1.01)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("floats 0…1", "floats 0…6"))])
def test_white_is_zero(name: str, tmp_path: Path) -> None:
    samples, format_ = FILES[name]
    inverted = (samples.max() - (samples - samples.min())).astype(samples.dtype)
    (tmp_path / "a.tif").write_bytes(tiff(inverted, format_, WHITE_IS_ZERO))
    np.testing.assert_allclose(shown(tmp_path / "a.tif"), grey(), atol=6 if "beyond" in name else 1.01)


def test_white_is_zero_in_16_bits(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff((255 - grey()).astype("<u2") * 257, UNSIGNED, WHITE_IS_ZERO))
    np.testing.assert_allclose(shown(tmp_path / "a.tif"), grey(), atol=1e-3)


def test_12_bits_in_16_are_scaled_where_a_tag_says_so(tmp_path: Path) -> None:
    samples = (grey() * (4095 / 255)).round().astype("<u2")
    (tmp_path / "a.tif").write_bytes(tiff(samples, UNSIGNED, more={281: 4095}))
    np.testing.assert_allclose(shown(tmp_path / "a.tif"), grey(), atol=1.01)
    (tmp_path / "b.tif").write_bytes(tiff(samples, UNSIGNED))  # nothing says so
    np.testing.assert_allclose(shown(tmp_path / "b.tif"), grey() / 16, atol=1.01)
    (tmp_path / "c.tif").write_bytes(
        tiff(samples * 16, UNSIGNED, more={281: 60_000})
    )  # the greatest there is
    np.testing.assert_allclose(shown(tmp_path / "c.tif"), grey(), atol=1.01)


def test_12_bits_that_are_packed(tmp_path: Path) -> None:
    samples = (grey() * (4095 / 255)).round().astype(np.uint16)
    first, second = samples[:, ::2], samples[:, 1::2]
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=2).astype(np.uint8)
    (tmp_path / "a.tif").write_bytes(tiff(packed, UNSIGNED, bits=12))
    np.testing.assert_allclose(shown(tmp_path / "a.tif"), grey(), atol=1.01)


def test_what_is_no_number_is_black(tmp_path: Path) -> None:
    samples = grey().astype("<f4") / 255
    samples[:16, :16] = np.nan
    samples[:16, 16:32] = -np.inf
    (tmp_path / "a.tif").write_bytes(tiff(samples, FLOAT))
    expected = grey().copy()
    expected[:16, :32] = 0
    np.testing.assert_allclose(shown(tmp_path / "a.tif"), expected, atol=1.01)
    (tmp_path / "b.tif").write_bytes(tiff(np.full((HEIGHT, WIDTH), np.nan, "<f4"), FLOAT))
    with pytest.raises(InvalidImageError, match=r"^cannot read .*b\.tif: no sample is a finite number$"):
        load_pixels(tmp_path / "b.tif", WIDTH)


def test_damaged_floats_say_nothing(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    samples = grey().astype("<f4") / 255
    samples.view("<u4")[:16, :16] = 0x7F800001  # a signalling NaN
    (tmp_path / "a.tif").write_bytes(tiff(samples, FLOAT))
    assert shown(tmp_path / "a.tif")[0, 0] == 0
    assert not recwarn.list


def test_one_grey_all_over_is_a_grey(tmp_path: Path) -> None:
    for value, expected in ((0.0, 0), (0.5, 128), (1.0, 255), (200.0, 200), (7.0, 128), (-3.0, 128)):
        (tmp_path / "a.tif").write_bytes(tiff(np.full((HEIGHT, WIDTH), value, "<f4"), FLOAT))
        np.testing.assert_allclose(shown(tmp_path / "a.tif"), expected, atol=1.01)


def test_portable_float_maps(tmp_path: Path) -> None:
    floats = grey()[::-1].astype("<f4") / 255  # stored from below
    (tmp_path / "a.pfm").write_bytes(b"Pf\n64 48\n-1.0\n" + floats.tobytes())
    np.testing.assert_allclose(shown(tmp_path / "a.pfm"), grey(), atol=1.01)


def test_a_portable_grey_map_of_12_bits(tmp_path: Path) -> None:
    samples = (grey() * (4095 / 255)).round().astype(">u2")
    (tmp_path / "a.pgm").write_bytes(b"P5\n64 48\n4095\n" + samples.tobytes())
    np.testing.assert_allclose(shown(tmp_path / "a.pgm"), grey(), atol=1.01)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_any_size_in_strips_is_as_pillow_scales_it_at_once(
    orientation: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsc_common.features.upright._STRIP_PIXELS", 1000)
    samples = np.random.default_rng(4).integers(0, 256, (130, 170, 4), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(samples).save(tmp_path / "a.png", exif=exif)
    turned = Image.open(tmp_path / "a.png")
    turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}.get(orientation)
    upright = turned if turn is None else turned.transpose(Image.Transpose(turn))
    white = Image.new("RGBA", upright.size, "white")
    flat = Image.alpha_composite(white, upright.convert("RGBA")).convert("RGB")
    for size, resampling in ((90, Image.Resampling.BILINEAR), (300, Image.Resampling.BILINEAR)):
        factor = size / 170
        scaled = flat.resize((round(flat.width * factor), round(flat.height * factor)), resampling)
        expected = np.asarray(scaled, dtype=np.float32).transpose(2, 0, 1)[None] / np.float32(255)
        assert load_pixels(tmp_path / "a.png", size).tobytes() == expected.tobytes()
    lanczos = flat.resize((round(flat.width * 0.5), round(flat.height * 0.5)), Image.Resampling.LANCZOS)
    assert load_photo(tmp_path / "a.png", 85).tobytes() == lanczos.tobytes()
