"""A file's kind is what its first bytes say, whatever it is called."""

import importlib.machinery
import importlib.util
import io
import struct
from pathlib import Path

import pytest
from PIL import Image, features

from dsc_common.features.kinds import HEAD_BYTES, kind_of, kind_of_file, readable_names, register_heic


def saved(format_: str, mode: str = "RGB", **options: object) -> bytes:
    """First bytes of a picture as Pillow saves it."""
    file = io.BytesIO()
    Image.new(mode, (40, 30)).save(file, format_, **options)
    return file.getvalue()[:HEAD_BYTES]


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    body = major + bytes(4) + b"".join(compatible)
    return struct.pack(">I4s", 8 + len(body), b"ftyp") + body + b"\0\0\0\x08mdat"


def tiff(order: str, tags: dict[int, tuple[int, int]], tail: bytes = b"") -> bytes:
    """A TIFF file of one directory: tag -> (type, value), and what lies behind it."""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    entries = b"".join(
        struct.pack(f"{order}HHI", tag, kind, 1)
        + (struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value))
        for tag, (kind, value) in sorted(tags.items())
    )
    return magic + struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4) + tail


@pytest.mark.parametrize(
    ("format_", "mode", "name", "readers"),
    [
        ("JPEG", "RGB", "JPEG", ("JPEG",)),
        ("JPEG", "CMYK", "JPEG", ("JPEG",)),
        ("PNG", "RGBA", "PNG", ("PNG",)),
        ("GIF", "P", "GIF", ("GIF",)),
        ("WEBP", "RGB", "WebP", ("WEBP",)),
        ("TIFF", "RGB", "TIFF", ("TIFF",)),
        ("BMP", "RGB", "BMP", ("BMP",)),
        ("DIB", "RGB", "BMP", ("DIB",)),
        ("DIB", "1", "BMP", ("DIB",)),
        ("PPM", "1", "PPM", ("PPM",)),
        ("PPM", "L", "PPM", ("PPM",)),
        ("PPM", "RGB", "PPM", ("PPM",)),
        ("PPM", "F", "PPM", ("PPM",)),
    ],
)
def test_what_pillow_writes(format_: str, mode: str, name: str, readers: tuple[str, ...]) -> None:
    kind = kind_of(saved(format_, mode))
    assert kind is not None
    assert (kind.name, kind.medium, kind.readers, kind.readable) == (name, "photo", readers, True)


def test_several_pictures_in_one_file() -> None:
    names = []
    for form in ("MPO", "PNG", "TIFF"):
        kind = kind_of(saved(form, save_all=True, append_images=[Image.new("RGB", (40, 30), "red")]))
        names.append(kind and kind.name)
    assert names == ["JPEG", "PNG", "TIFF"]
    big = kind_of(saved("TIFF", big_tiff=True))
    assert big is not None
    assert big.name == "TIFF"


@pytest.mark.parametrize(
    ("format_", "feature", "name"), [("AVIF", "avif", "AVIF"), ("JPEG2000", "jpg_2000", "JPEG 2000")]
)
def test_optional_kinds_are_readable_where_pillow_has_them(format_: str, feature: str, name: str) -> None:
    heads = {
        "AVIF": [ftyp(b"avif", b"mif1"), ftyp(b"mif1", b"avif")],
        "JPEG2000": [b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"],
    }
    for head in heads[format_]:
        kind = kind_of(head)
        assert kind is not None
        assert (kind.name, kind.medium) == (name, "photo")
        assert kind.readable == (feature in features.get_supported()) == (not kind.hint)
    assert (name in readable_names()) == (feature in features.get_supported())


@pytest.mark.parametrize(
    "head",
    [
        ftyp(b"heic", b"mif1"),
        ftyp(b"mif1", b"heic"),
        ftyp(b"msf1", b"hevc"),
        ftyp(b"heix"),
        ftyp(b"MiHE", b"heic"),
    ],
)
def test_heic_needs_a_package(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    kind = kind_of(head)
    assert kind is not None
    assert (kind.name, kind.medium, kind.readable) == ("HEIC", "photo", False)
    assert "install pillow-heif to read HEIC" in kind.hint
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: importlib.machinery.ModuleSpec(name, None))
    kind = kind_of(head)
    assert kind is not None
    assert (kind.readers, kind.hint) == (("HEIF",), "")
    assert "HEIC" in readable_names()


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(40), "camera raw (CR2)"),
        (tiff("<", {50706: (1, 0x00000401), 254: (4, 1)}), "camera raw (DNG)"),
        (tiff(">", {50706: (1, 0x01040000)}), "camera raw (DNG)"),
        (tiff("<", {254: (4, 1), 330: (4, 900), 271: (2, 50)}, b"NIKON CORPORATION\0"), "camera raw (NEF)"),
        (tiff(">", {254: (4, 1), 330: (4, 900), 271: (2, 50)}, b"SONY \0"), "camera raw (ARW)"),
        (tiff("<", {262: (3, 32803)}), "camera raw"),
        (tiff(">", {262: (3, 32803)}), "camera raw"),
        (b"IIRO\x08\0\0\0", "camera raw (ORF)"),
        (b"IIU\0\x18\0\0\0", "camera raw (RW2)"),
        (b"FUJIFILMCCD-RAW 0201", "camera raw (RAF)"),
        (ftyp(b"crx ", b"isom"), "camera raw (CR3)"),
        (b"\xff\x0a\x00\x00", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\xd8\xff\xf7\0\x0b", "JPEG-LS"),
        (b"PF\n4 4\n-1.0\n", "colour PFM"),
        (b"P7\nWIDTH 4\n", "PAM"),
        (b"8BPS\0\x01", "Photoshop"),
    ],
)
def test_photos_that_are_not_read_have_a_hint(head: bytes, name: str) -> None:
    kind = kind_of(head)
    assert kind is not None
    assert (kind.name, kind.medium, kind.readable) == (name, "photo", False)
    assert kind.hint


def test_a_plain_tiff_with_the_same_tags_is_no_raw() -> None:
    for order in "<>":
        for tags in ({262: (3, 2)}, {254: (4, 0), 330: (4, 900)}, {254: (4, 1)}):
            kind = kind_of(tiff(order, tags))
            assert kind is not None
            assert kind.name == "TIFF"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (ftyp(b"isom", b"mp41"), "MP4"),
        (ftyp(b"mp42"), "MP4"),
        (ftyp(b"MSNV", b"isom", b"heic"), "MP4"),
        (ftyp(b"qt  "), "QuickTime"),
        (b"\0\0\x01\0moov", None),  # cut in the middle of a box's name
        (b"\0\0\x01\0moov\0\0\0\0", "QuickTime"),
        (b"\x1a\x45\xdf\xa3\x9f", "Matroska"),
        (b"RIFF\x24\x10\0\0AVI LIST", "AVI"),
        (b"\0\0\x01\xba\x44", "MPEG"),
        ((b"\x47" + bytes(187)) * 3, "MPEG"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media"),
    ],
)
def test_videos(head: bytes, name: str | None) -> None:
    kind = kind_of(head)
    assert (kind and (kind.name, kind.medium, kind.readable)) == (name and (name, "video", False))


@pytest.mark.parametrize(
    "head",
    [
        *(b"", b"\xff", b"hello", b"%PDF-1.7", b"PK\3\4", b"GIF88a", bytes(4096)),
        *(b"BMW is a car, and no bitmap at all", b"P3 is a prize", b"(\0\0\0" + bytes(40)),
        *(b"RIFF\x24\0\0\0WAVEfmt ", ftyp(b"M4A ", b"isom")),
    ],
)
def test_neither_photo_nor_video(head: bytes) -> None:
    assert kind_of(head) is None


def test_any_prefix_of_a_file_has_a_kind_or_none() -> None:
    for form in ("JPEG", "PNG", "TIFF", "BMP", "PPM", "WEBP"):
        head = saved(form)
        for size in range(64):
            kind_of(head[:size])  # no error
        assert kind_of(head[:64]) == kind_of(head)


def test_the_suffix_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "photo.HEIC").write_bytes(saved("JPEG"))
    kind = kind_of_file(tmp_path / "photo.HEIC")
    assert kind is not None
    assert kind.name == "JPEG"
    with pytest.raises(OSError, match="gone"):
        kind_of_file(tmp_path / "gone")


def test_heic_is_read_with_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Package:
        @staticmethod
        def register_heif_opener() -> None:
            calls.append(1)

    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", Package)
    register_heic()
    assert calls == [1]
