"""Opens a photo by its content: the reader of its kind, within limits of size; no pixel is decoded."""

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from PIL import Image, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError

from dsc_common.errors import InvalidImageError
from dsc_common.features.jpeg import JpegReader, open_jpeg
from dsc_common.features.kinds import HEAD_BYTES, Kind, kind_of, readable_names, register_heic
from dsc_common.features.metadata import without_exif, without_metadata

MAX_FILE_BYTES = 256 << 20
MAX_PIXELS = 89_478_485  # 256 MiB as RGB

# Pillow warns of a decompression bomb below the size at which it refuses one; refuse both. Warning filters
# are global and may be reset, so `check_pixels` counts too.
warnings.simplefilter("error", Image.DecompressionBombWarning)
# For damaged files Pillow prints several lines of warnings, and logs some; our error is one line.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())
logging.getLogger("PIL").propagate = False  # to the log of a command

# Importing them makes Pillow know these formats; otherwise it would import every decoder that it has.
for _plugin in ("Bmp", "Gif", "Ppm", "WebP", "Avif", "Jpeg2K"):
    try:
        importlib.import_module(f"PIL.{_plugin}ImagePlugin")
    except ImportError:  # an older Pillow
        continue


_NO_REASON = "not identified by this driver"  # Pillow's words for an exception of any other kind
_WIDTH, _HEIGHT = 256, 257  # tags of TIFF


class _TiffReader(TiffImagePlugin.TiffImageFile):
    """Pillow's reader without its last step: it turns the pixels, and rewrites EXIF data for that."""

    def _setup(self) -> None:
        super()._setup()
        self._size = self.tag_v2[_WIDTH], self.tag_v2[_HEIGHT]  # as stored

    def load_end(self) -> None:
        """Read the orientation while the file is open."""
        with suppress(Exception):  # EXIF data may hold anything at all
            self.getexif()


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The photo, its header read. Only a JPEG may have more than MAX_PIXELS: it can be decoded reduced.

    Raises:
        InvalidImageError: no file, not a photo, of a kind that is not read, damaged, or too large.
    """
    with refusing(path):
        if not path.is_file():
            lacks = "expected a file, got a folder, a pipe or a device" if path.exists() else "no such photo"
            raise InvalidImageError(f"{lacks}: {path}")
        size = path.stat().st_size
        if size == 0:
            raise InvalidImageError(f"expected a photo, got an empty file: {path}")
        if size > MAX_FILE_BYTES:
            raise InvalidImageError(f"expected a photo of at most {MAX_FILE_BYTES >> 20} MiB: {path}")
        file = path.open("rb")
    with file:
        with refusing(path):
            photo = _reader(_readable_kind(path, file), file)
        with photo:
            yield photo


def _readable_kind(path: Path, file: BinaryIO) -> Kind:
    kind = kind_of(file.read(HEAD_BYTES))
    file.seek(0)
    if kind is None:
        raise InvalidImageError(f"not a photo (expected {readable_names()}): {path}")
    if kind.medium == "video":
        raise InvalidImageError(f"not a photo but a video ({kind.name}): {path}")
    if not kind.readable:
        raise InvalidImageError(f"{kind.name} is not read ({kind.hint}): {path}")
    return kind


def _reader(kind: Kind, file: BinaryIO) -> Image.Image:
    try:
        photo = _pillow_reader(kind, file)
    except SyntaxError as error:
        reason = f" ({error.msg})" if error.msg and error.msg != _NO_REASON else ""
        raise ValueError(f"its {kind.name} header is damaged or of an unknown kind{reason}") from error
    if not isinstance(photo, JpegReader):
        check_pixels(photo)
    return photo


def _pillow_reader(kind: Kind, file: BinaryIO) -> Image.Image:
    match kind.readers[0]:
        case "JPEG":
            return open_jpeg(file)
        case "PNG":
            return PngImagePlugin.PngImageFile(without_metadata(file, "PNG"))
        case "TIFF":
            return _TiffReader(file)
        case "HEIF":
            register_heic()
            file = without_exif(file)
        case "AVIF":
            file = without_exif(file)
    try:
        return Image.open(file, formats=kind.readers)
    except UnidentifiedImageError as error:
        raise SyntaxError from error


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Whatever decoders raise inside is raised as InvalidImageError, in one line that names the photo."""
    try:
        yield
    except InvalidImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImageError(
            f"photo too large to decode safely (limit {MAX_PIXELS} pixels): {path}"
        ) from error
    except Exception as error:  # decoders raise anything at all on hostile bytes
        raise InvalidImageError(f"cannot read {path}: {_first_line(error)}") from error


def check_pixels(photo: Image.Image) -> None:
    """Raise Pillow's error if the photo has more pixels than can be decoded safely."""
    if photo.width * photo.height > MAX_PIXELS:
        raise Image.DecompressionBombError


def _first_line(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (reason.splitlines() or [type(error).__name__])[0]
