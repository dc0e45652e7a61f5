"""Photos that have moved since an index was built: their URIs get another beginning."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_server.index.catalogue import CatalogueImage

_RULE = re.compile(r"(/.*?)=(/.*|[a-z][a-z0-9+.-]*://.+)", re.DOTALL)


def moving_rule(text: str) -> str:
    """The text; ValueError unless it is OLD=NEW with an absolute path, and an absolute path or a URI."""
    if _RULE.fullmatch(text) is None:
        raise ValueError("expected OLD=NEW, an absolute path and an absolute path or URI")
    return text


def moved(images: Mapping[int, CatalogueImage], rule: str) -> dict[int, CatalogueImage]:
    """The images with `OLD` at the beginning of their URIs replaced by `NEW`.

    Args:
        images: a catalogue, by row.
        rule: OLD=NEW; NEW may be a path or a URI.

    Raises:
        InvalidInputError: no image is in the folder OLD.
    """
    match = _RULE.fullmatch(rule)
    if match is None:
        raise InvalidInputError(f"expected OLD=NEW, got {rule!r}")
    old, new = _as_uri(match[1]), _as_uri(match[2])
    found = {
        row: replace(image, uri=new + image.uri.removeprefix(old))
        for row, image in images.items()
        if image.uri.startswith(old)
    }
    if not found:
        raise InvalidInputError(f"no image of the index is in {match[1]}")
    return {**images, **found}


def _as_uri(text: str) -> str:
    return (Path(text).as_uri() if text.startswith("/") else text).removesuffix("/") + "/"
