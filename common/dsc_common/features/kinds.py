"""What a file is, by its first bytes: a kind of photo, or of video; its name and suffix do not count."""

import importlib.util
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from PIL import features

from dsc_common.features.brands import family_of
from dsc_common.features.raw import raw_format

HEAD_BYTES = 4096  # enough for every signature, and for the first directory of a raw file
Medium = Literal["photo", "video"]
EXPORT = "export it as JPEG or PNG"
NOT_READ = "videos are not read"


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: as people write it: JPEG, HEIC, camera raw (DNG), Matroska.
        medium: photo or video.
        readers: Pillow's names of the readers that may open it; empty: this installation reads none.
        hint: how a photo of an unreadable kind can be used all the same; empty if it is readable.
    """

    name: str
    medium: Medium = "photo"
    readers: tuple[str, ...] = ()
    hint: str = ""

    @property
    def readable(self) -> bool:
        """Whether this installation reads the kind."""
        return bool(self.readers)


def kind_of(head: bytes) -> Kind | None:
    """Kind of a file with these first bytes (HEAD_BYTES, or the whole file); None: no photo, no video."""
    for pattern, kind in _SIGNATURES:
        if re.match(pattern, head, re.DOTALL):
            return kind(head)
    return None


def kind_of_file(path: Path) -> Kind | None:
    """Kind of a file by its content; None: no photo, no video.

    Raises:
        OSError: the file cannot be opened or read.
    """
    # Without O_NONBLOCK, opening waits for ever if the file has become a pipe since it was found.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:  # noqa: PTH123 (a descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a file any more")
        return kind_of(file.read(HEAD_BYTES))


def readable_names() -> str:
    """The kinds of photos that this installation reads, for an error line: `JPEG, PNG, …`."""
    optional = (_avif(b""), _jpeg_2000(b""), _heic(b""))
    return ", ".join(
        ["JPEG, PNG, WebP, GIF, TIFF, BMP, PPM", *(kind.name for kind in optional if kind.readable)]
    )


def register_heic() -> None:
    """Make Pillow read HEIC with the package pillow-heif; ImportError if it is not installed."""
    importlib.import_module("pillow_heif").register_heif_opener()


_Maker = Callable[[bytes], Kind | None]


def _is(name: str, *readers: str) -> _Maker:
    kind = Kind(name, "photo", readers, "" if readers else EXPORT)
    return lambda _: kind


def _video(name: str) -> _Maker:
    kind = Kind(name, "video", hint=NOT_READ)
    return lambda _: kind


@cache
def _supported(feature: str) -> bool:
    return feature in features.get_supported()


def _avif(_: bytes) -> Kind:
    readers = ("AVIF",) if _supported("avif") else ()
    return Kind("AVIF", "photo", readers, "" if readers else f"this Pillow lacks AVIF; {EXPORT}")


def _jpeg_2000(_: bytes) -> Kind:
    readers = ("JPEG2000",) if _supported("jpg_2000") else ()
    return Kind("JPEG 2000", "photo", readers, "" if readers else f"this Pillow lacks JPEG 2000; {EXPORT}")


def _heic(_: bytes) -> Kind:
    if importlib.util.find_spec("pillow_heif") is not None:
        return Kind("HEIC", "photo", ("HEIF",))
    return Kind("HEIC", hint="install pillow-heif to read HEIC, or export it as JPEG")


def _jpeg(head: bytes) -> Kind:
    if head[3:4] == b"\xf7":
        return Kind("JPEG-LS", hint=EXPORT)
    return Kind("JPEG", "photo", ("JPEG",))  # MPO is a JPEG with more pictures behind it


def _tiff(head: bytes) -> Kind:
    raw = raw_format(head)
    return Kind("TIFF", "photo", ("TIFF",)) if raw is None else _raw(raw)


def _raw(name: str) -> Kind:
    return Kind("camera raw" if name == "raw" else f"camera raw ({name})", hint="export it as JPEG")


def _iso_media(head: bytes) -> Kind | None:
    match family_of(head):
        case "AVIF":
            return _avif(head)
        case "HEIC":
            return _heic(head)
        case "CR3":
            return _raw("CR3")
        case None:
            return None
        case family:
            return Kind(family, "video", hint=NOT_READ)


# What files of each kind begin with; the first that fits counts. Short magic numbers need more evidence.
_SIGNATURES: tuple[tuple[bytes, _Maker], ...] = (
    (rb"\xff\xd8\xff", _jpeg),
    (rb"\x89PNG\r\n\x1a\n", _is("PNG", "PNG")),  # APNG too
    (rb"GIF8[79]a", _is("GIF", "GIF")),
    (rb"RIFF....WEBP", _is("WebP", "WEBP")),
    (rb"II[*+]\0|MM\0[*+]", _tiff),
    (rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", _is("BMP", "BMP")),
    (rb"\x0c\0\0\0.{4}\x01\0[\x01\x04\x08\x18]\0", _is("BMP", "DIB")),
    (rb"[\x28\x34\x38\x40\x6c\x7c]\0\0\0.{8}\x01\0[\x01\x04\x08\x10\x18\x20]\0", _is("BMP", "DIB")),
    (rb"P[1-6f]\s+[#\d]", _is("PPM", "PPM")),  # PBM, PGM, PPM and grey PFM
    (rb"PF\s+\d", _is("colour PFM")),
    (rb"P7\s+(#|WIDTH|HEIGHT|DEPTH|MAXVAL|TUPLTYPE)", _is("PAM")),
    (rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n", _jpeg_2000),
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", _is("JPEG XL")),
    (rb"II\xbc[\0\x01]", _is("JPEG XR")),
    (rb"8BPS\0[\x01\x02]", _is("Photoshop")),
    (rb"v/1\x01", _is("OpenEXR")),
    (rb"#\?(RADIANCE|RGBE)", _is("Radiance HDR")),
    (rb"FUJIFILMCCD-RAW", lambda _: _raw("RAF")),
    (rb"IIR[OS]|MMOR", lambda _: _raw("ORF")),
    (rb"IIU\0", lambda _: _raw("RW2")),
    (rb"FOVb", lambda _: _raw("X3F")),
    (rb"RIFF....AVI ", _video("AVI")),
    (rb"\x1a\x45\xdf\xa3", _video("Matroska")),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _video("Windows Media")),
    (rb"\0\0\x01[\xba\xb3]|\x47.{187}\x47.{187}\x47|.{4}\x47.{191}\x47.{191}\x47", _video("MPEG")),
    (rb"FLV\x01", _video("Flash")),
    (rb"OggS.{24,60}(\x80theora|BBCD)", _video("Ogg")),
    (rb"....(ftyp|moov|mdat|wide|pnot)", _iso_media),
)
