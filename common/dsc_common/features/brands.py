"""Family of an ISO media file (ISO/IEC 14496-12) by its `ftyp` brands: HEIC, AVIF, CR3, or a video."""

import struct
from typing import Literal

Family = Literal["AVIF", "HEIC", "CR3", "QuickTime", "MP4"]

_AVIF = {b"avif", b"avis", b"avio"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_PICTURES = {
    b"mif1",
    b"mif2",
    b"mif3",
    b"msf1",
    b"miaf",
    b"jpeg",
    b"j2ki",
}  # coded in HEVC unless said otherwise
_VIDEO = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"3gp4", b"3gp5"}
_NOT_SEEN = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ", b"crx ")  # sound, and Canon's raw
# QuickTime files older than `ftyp` open with one of these boxes.
_OLD_QUICKTIME = {b"moov", b"mdat", b"wide", b"pnot"}


def family_of(head: bytes) -> Family | None:
    """Family of the file with these first bytes; None: no such file, or one of sound alone."""
    if len(head) < 12:
        return None
    size, box = struct.unpack(">I4s", head[:8])
    if box in _OLD_QUICKTIME:
        return "QuickTime"
    if box != b"ftyp" or size < 12:
        return None
    major = head[8:12]
    compatible = {head[at : at + 4] for at in range(16, min(size, len(head)), 4)}
    return _family(major, {major, *compatible})


def _family(major: bytes, brands: set[bytes]) -> Family | None:
    if major in _NOT_SEEN:
        return "CR3" if major == b"crx " else None
    if major == b"qt  ":
        return "QuickTime"
    if major not in _HEIC | _AVIF | _PICTURES and (
        brands & _VIDEO or not brands & (_HEIC | _AVIF | _PICTURES)
    ):
        return "MP4"
    return "AVIF" if major in _AVIF or (major not in _HEIC and brands & _AVIF) else "HEIC"
