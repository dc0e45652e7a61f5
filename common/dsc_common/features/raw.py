"""Camera raw among TIFF files: DNG, CR2, NEF, ARW … are TIFF files whose first picture is a thumbnail."""

from dsc_common.features.directory import first_directory

_REDUCED = 254  # NewSubfileType: bit 0 is set for a reduced copy of another picture of the file
_PHOTOMETRIC = 262
_MAKE = 271
_SUB_IFDS = 330
_DNG_VERSION = 50706
_SENSOR = (32803, 34892)  # photometric interpretations: colour filter array, linear raw

_FORMATS = {b"NIKON": "NEF", b"SONY": "ARW", b"PENTAX": "PEF", b"SAMSUNG": "SRW", b"Canon": "CR2"}


def raw_format(head: bytes) -> str | None:
    """Raw format of the TIFF file with these first bytes; None: a TIFF as any other."""
    if head[8:10] == b"CR":
        return "CR2"
    tags = first_directory(head)
    if _DNG_VERSION in tags:
        return "DNG"
    thumbnail = _SUB_IFDS in tags and tags.get(_REDUCED, 0) & 1
    if not thumbnail and tags.get(_PHOTOMETRIC) not in _SENSOR:
        return None
    make = head[tags.get(_MAKE, len(head)) :]
    return next((name for maker, name in _FORMATS.items() if make.startswith(maker)), "raw")
