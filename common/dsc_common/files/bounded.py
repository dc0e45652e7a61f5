"""Reading a file that a person names, up to a limit: a wrong file may be of any size, or without an end."""

from pathlib import Path

from dsc_common.errors import InvalidInputError


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """The content of a file.

    Raises:
        InvalidInputError: the file cannot be read, or is larger than `max_bytes`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) > max_bytes:
        raise InvalidInputError(f"expected a file of at most {max_bytes:,} bytes: {path}")
    return content
