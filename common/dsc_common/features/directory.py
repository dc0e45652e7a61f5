"""The first directory of a TIFF file, or of EXIF data, which are one."""

import struct

_BYTE, _SHORT = 1, 3


def first_directory(data: bytes) -> dict[int, int]:
    """Tag → value, or offset of a longer one, of the first directory; as far as it is in the data."""
    order = ">" if data[:1] == b"M" else "<"
    if len(data) < 8:
        return {}
    (start,) = struct.unpack(f"{order}I", data[4:8])
    count = int.from_bytes(data[start : start + 2], "big" if order == ">" else "little")
    entries = range(start + 2, min(start + 2 + 12 * count, len(data) - 11), 12)
    return dict(_entry(data[at : at + 12], order) for at in entries)


def _entry(data: bytes, order: str) -> tuple[int, int]:
    tag, kind = struct.unpack(f"{order}HH", data[:4])
    value_of = {_BYTE: "B", _SHORT: "H"}.get(kind, "I")
    (value,) = struct.unpack_from(f"{order}{value_of}", data, 8)
    return tag, value
