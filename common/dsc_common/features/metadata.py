"""A file without the metadata that neither its pixels nor its orientation need.

Text, colour profiles and makers' blocks of any size and in any state are passed over.
"""

import io
import re
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import BinaryIO, Literal

Part = tuple[int, int]  # offsets of a part's first byte, and of the first one behind it

MAX_TEXT_BYTES = 1 << 20  # of a text that may hold the orientation, inflated
_PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT"}
_PNG_TEXT_WITH_ORIENTATION = (b"XML:com.adobe.xmp", b"Raw profile type exif")
_JPEG_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a segment
_JPEG_LAST = {0xDA, 0xD9}  # start of scan, end of image: what follows is pixels
# An entry of an AVIF or HEIC file's list of items, version 2 or 3: version, flags, number, protection, type.
_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))Exif", re.DOTALL)


def without_metadata(file: BinaryIO, format_: Literal["JPEG", "PNG"]) -> BinaryIO:
    """The file (seekable, at any place) as it is, or what is left of it without its metadata."""
    size = file.seek(0, io.SEEK_END)
    parts = _merged(_png_parts(file, size) if format_ == "PNG" else _jpeg_parts(file, size))
    file.seek(0)
    return file if parts == [(0, size)] else io.BufferedReader(_Parts(file, parts))


def without_exif(file: BinaryIO) -> BinaryIO:
    """An AVIF or HEIC file with its EXIF data hidden; other boxes (`irot`, `imir`) turn such a photo."""
    return io.BytesIO(_EXIF_ITEM.sub(rb"\1none", file.read()))


class _Parts(io.RawIOBase):
    """Parts of a file, one behind the other."""

    def __init__(self, file: BinaryIO, parts: list[Part]) -> None:
        self._file = file
        self._parts = parts
        self._starts = [0, *accumulate(stop - start for start, stop in parts)]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        number = bisect_right(self._starts, self._at) - 1
        if number >= len(self._parts):
            return 0
        inside = self._at - self._starts[number]
        start, stop = self._parts[number]
        self._file.seek(start + inside)
        data = self._file.read(min(len(buffer), stop - start - inside))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _merged(parts: Iterator[Part]) -> list[Part]:
    merged: list[Part] = []
    for start, stop in parts:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], stop)
        elif start < stop:
            merged.append((start, stop))
    return merged


def _png_parts(file: BinaryIO, size: int) -> Iterator[Part]:
    yield 0, 8
    at, name = 8, b""
    while at + 8 <= size and name != b"IEND":
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        stop = min(at + 12 + length, size)
        if name in _PNG_KEPT or _may_hold_orientation(name, file, length):
            yield at, stop
        at = stop


def _may_hold_orientation(name: bytes, file: BinaryIO, length: int) -> bool:
    if name not in {b"tEXt", b"zTXt", b"iTXt"} or length > MAX_TEXT_BYTES:
        return False
    keyword, _, text = file.read(length).partition(b"\0")
    if keyword not in _PNG_TEXT_WITH_ORIENTATION:
        return False
    if name == b"zTXt":
        return _inflates_within_limit(text[1:])
    if name == b"iTXt" and text[:1] == b"\1":
        return _inflates_within_limit(b"\0".join(text[2:].split(b"\0")[2:]))
    return True


def _inflates_within_limit(data: bytes) -> bool:
    try:
        return len(zlib.decompressobj().decompress(data, MAX_TEXT_BYTES)) < MAX_TEXT_BYTES
    except zlib.error:
        return False


def _jpeg_parts(file: BinaryIO, size: int) -> Iterator[Part]:
    yield 0, 2
    at = 2
    while True:
        file.seek(at)
        header = file.read(4)
        if len(header) < 4 or header[0] != 0xFF or header[1] in _JPEG_LAST:
            yield at, size
            return
        marker, length = header[1], int.from_bytes(header[2:])
        if marker == 0xFF:  # filling
            stop = at + 1
        elif marker in _JPEG_ALONE:
            stop = at + 2
        else:
            stop = min(at + 2 + length, size)
            if length < 2 or _is_needed(marker, file.read(min(length - 2, 29)), length - 2):
                yield at, stop
        at = max(stop, at + 1)


def _is_needed(marker: int, data: bytes, length: int) -> bool:
    """Whether a decoder needs the segment; JFIF and Adobe's are those that libjpeg takes for such."""
    if marker == 0xE0:
        return data.startswith(b"JFIF\0") and length >= 14
    if marker == 0xEE:
        return data.startswith(b"Adobe") and length >= 12
    if marker == 0xE1:
        return data.startswith((b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"))
    return not (0xE0 <= marker <= 0xEF or marker == 0xFE)
