"""The ONNX file of a model: whether it can be made, and writing it; torch is not needed."""

from pathlib import Path

from dsc_common.errors import DscError, InvalidInputError
from dsc_common.files import whole_file


def check_target(path: Path, what: str = "the model") -> None:
    """Raise InvalidInputError if no file can be made at `path`, before the work begins."""
    if path.is_dir():
        raise InvalidInputError(f"cannot write {what} to {path}: it is a folder")
    if not path.parent.is_dir():
        raise InvalidInputError(f"cannot write {what} to {path}: its folder does not exist")
    try:
        whole_file.require_replaceable(path)
    except OSError as error:
        raise InvalidInputError(f"cannot write {what} to {path}: {error.strerror}") from error


def write_whole(path: Path, content: bytes, what: str = "the model") -> None:
    """Write the file, whole or not at all; `what` it holds is for error lines.

    Raises:
        DscError: it cannot be written; what was at `path` before is untouched.
    """
    try:
        whole_file.write_whole(path, content)
    except OSError as error:
        raise DscError(f"cannot write {what} to {path}: {error.strerror or error}") from error
