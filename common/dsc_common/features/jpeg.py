"""JPEG files: their scans (ITU-T T.81), a limit of memory by the header, and an end where it is missing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from PIL import JpegImagePlugin

from dsc_common.features.metadata import without_metadata

# A JPEG of several scans (a progressive one) is held in memory as coefficients until its last scan is read.
MAX_COEFFICIENT_BYTES = 512 << 20
MAX_SCANS = 100
_MISSING = 99

END = b"\xff\xd9"
_LOSSLESS = 0xC3
_FRAMES = {0xC0, 0xC1, 0xC2, _LOSSLESS, 0xC9, 0xCA}
_SCAN = 0xDA
_LAST = {0xD8, 0xD9}
_MARKER = re.compile(rb"\xff+([\x02-\xcf\xd8-\xfe])")  # neither a stuffed 0xFF nor a restart


class JpegReader(JpegImagePlugin.JpegImageFile):
    """Pillow's reader, for files of any kind of JPEG that may lack their last bytes."""

    source: BinaryIO
    one_scan: bool
    requested: tuple[int, int] | None = None
    _end_supplied = False

    def load_read(self, read_bytes: int) -> bytes:
        """Read bytes of the scans, and the marker of the end behind a file without it."""
        data = super().load_read(read_bytes)
        if data or self._end_supplied:
            return data
        self._end_supplied = True
        return END

    def reduce_to(self, longest: int, shortest: int, max_pixels: int) -> None:
        """Decode at a reduced scale (1/2, 1/4, 1/8): the sides are still at least these, in pixels.

        Above `max_pixels`, only the longer side is: a panorama may be long.
        """
        scale = max(1, min(max(self.size) // longest, min(self.size) // shortest))
        if self.width * self.height > max_pixels * scale**2:
            shortest = 1
        self.request((longest, shortest) if self.width > self.height else (shortest, longest))

    def request(self, size: tuple[int, int]) -> None:
        """Decode at the smallest scale at which width and height are at least those of `size`."""
        self.requested = size
        self.draft(self.mode, size)

    def _read_dpi_from_exif(self) -> None:
        """Pass over the resolution: nothing needs it, and it may be broken."""


@dataclass(frozen=True)
class Scan:
    """A scan: its components, its coefficients `first` to `last` down to bit `low`, where its data begin."""

    components: tuple[int, ...]
    first: int
    last: int
    low: int
    start: int


@dataclass(frozen=True)
class Frame:
    """A frame's size in pixels, and its components' sampling factors (horizontal, vertical)."""

    width: int
    height: int
    sampling: dict[int, tuple[int, int]]
    is_lossless: bool

    @property
    def coefficient_bytes(self) -> int:
        """Memory for all coefficients, at 16 bits each."""
        across = max(h for h, _ in self.sampling.values())
        down = max(v for _, v in self.sampling.values())
        blocks = sum(
            -(-self.width * h // (8 * across)) * -(-self.height * v // (8 * down))
            for h, v in self.sampling.values()
        )
        return 128 * blocks


def open_jpeg(file: BinaryIO) -> JpegReader:
    """The reader of a JPEG file.

    Raises:
        ValueError: decoding it would take too much memory.
        Exception: whatever Pillow raises on a damaged header.
    """
    source = without_metadata(file, "JPEG")
    reader = JpegReader(source)
    reader.source = source
    header_bytes = source.tell()  # up to the data of the first scan
    source.seek(0)
    frame, scans = structure(source.read(header_bytes))
    reader.one_scan = _is_whole(scans[0], frame)
    if not reader.one_scan and frame.coefficient_bytes > MAX_COEFFICIENT_BYTES:
        raise ValueError(
            f"{frame.width} x {frame.height} pixels in several scans take "
            f"{frame.coefficient_bytes >> 20} MiB to decode (limit {MAX_COEFFICIENT_BYTES >> 20} MiB)"
        )
    return reader


def check_scans(photo: JpegReader) -> None:
    """Raise ValueError if scans of the photo are missing, unless they only add the last bit of colours.

    The last scan may be cut anywhere: it is the finest.
    """
    photo.source.seek(0)
    frame, scans = structure(photo.source.read())
    if len(scans) > MAX_SCANS:
        raise ValueError(f"expected at most {MAX_SCANS} scans, got {len(scans)}")
    lowest = {(component, k): _MISSING for component in frame.sampling for k in range(64)}
    for scan in scans:
        bits = {(component, k) for component in scan.components for k in range(scan.first, scan.last + 1)}
        lowest.update(dict.fromkeys(bits & lowest.keys(), scan.low))
    brightness = next(iter(frame.sampling))
    if any(low > (component != brightness) for (component, _), low in lowest.items()):
        raise ValueError(f"the file is cut: it has {len(scans)} of its scans, and the finest are missing")


def _is_whole(scan: Scan, frame: Frame) -> bool:
    """Whether the scan holds all of the frame."""
    last_and_low = (scan.last, scan.low)  # in a lossless frame they mean other things
    return scan.components == tuple(frame.sampling) and (frame.is_lossless or last_and_low == (63, 0))


def structure(data: bytes) -> tuple[Frame, list[Scan]]:
    """Frame and scans of a JPEG file, as far as they are in the data; ValueError if there is none."""
    frame, scans = None, []
    for marker, start, stop in _segments(data):
        body = data[start:stop]
        if marker in _FRAMES and len(body) > 5:
            frame = _frame(body, marker == _LOSSLESS)
        elif marker == _SCAN and len(body) > 3:
            scans.append(_scan(body, stop))
    if frame is None or not frame.sampling or not scans:
        raise ValueError("it has no pixels")
    return frame, scans


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, offset and end of the body of each segment, up to the end of the (first) picture."""
    at = 2
    while (match := _MARKER.search(data, at)) and match[1][0] not in _LAST:
        start = match.end() + 2
        at = max(start, match.end() + int.from_bytes(data[match.end() : start]))
        yield match[1][0], start, at


def _frame(body: bytes, is_lossless: bool) -> Frame:
    components = [body[at : at + 2] for at in range(6, min(6 + 3 * body[5], len(body) - 2), 3)]
    sampling = {c: (max(1, factors >> 4), max(1, factors & 15)) for c, factors in components}
    return Frame(int.from_bytes(body[3:5]), int.from_bytes(body[1:3]), sampling, is_lossless)


def _scan(body: bytes, start: int) -> Scan:
    last = 1 + 2 * body[0]
    first_k, last_k, bits = body[last : last + 3].ljust(3, b"\0")
    return Scan(tuple(body[1:last:2]), first_k, min(last_k, 63), bits & 15, start)


def end_of_scan(data: bytes, scan: Scan) -> int:
    """Offset behind the data of a scan: of the next marker, or of the end of the file."""
    match = _MARKER.search(data, scan.start)
    return match.start() if match else len(data)
