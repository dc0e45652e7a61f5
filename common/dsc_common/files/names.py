"""Names of files as text: a name is bytes, and may be no UTF-8."""

import os


def as_text(name: str) -> str:
    r"""A file's name that can be stored and sent: bytes that are no UTF-8 are written as \xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
