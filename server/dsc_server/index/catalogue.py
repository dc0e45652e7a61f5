"""The catalogue: id, URI and label of every image, by its row in the index."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dsc_common.errors import DamagedIndexError


@dataclass(frozen=True)
class CatalogueImage:
    """An image of the database: its id, URI and label (partition)."""

    id: str
    uri: str
    label: int


# Images by row; a sequence if every row from 0 is an image.
Catalogue = Mapping[int, CatalogueImage] | Sequence[CatalogueImage]


def by_row(images: Catalogue) -> Mapping[int, CatalogueImage]:
    """The same images as a mapping; in a sequence, the position of an image is its row."""
    return images if isinstance(images, Mapping) else dict(enumerate(images))


def catalogue_to_bytes(images: Mapping[int, CatalogueImage]) -> bytes:
    """Images by row → one JSON object per line, each with its row."""
    lines = [json.dumps({"row": row, **asdict(image)}, ensure_ascii=False) for row, image in images.items()]
    return "".join(line + "\n" for line in lines).encode()


def catalogue_from_bytes(data: bytes, name: str = "catalogue") -> dict[int, CatalogueImage]:
    """JSON lines → images by row; the inverse of `catalogue_to_bytes`.

    A line without a row, as in index format 4, gets the number of lines before it as its row.

    Raises:
        DamagedIndexError: a line is not such an object, or a row is named twice.
    """
    images: dict[int, CatalogueImage] = {}
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            row, image = _image(json.loads(line), number - 1)
        except (ValueError, TypeError) as error:
            raise DamagedIndexError(f"{name} is damaged: line {number}: {error}") from error
        if row in images:
            raise DamagedIndexError(f"{name} is damaged: line {number}: row {row} is named twice")
        images[row] = image
    return images


def _image(entry: Any, next_row: int) -> tuple[int, CatalogueImage]:  # noqa: ANN401 (of a file)
    if not isinstance(entry, dict):
        raise TypeError(f"expected an object, got {entry!r}")
    row = entry.pop("row", next_row)
    if not isinstance(row, int) or row < 0:
        raise ValueError(f"expected a row from 0, got {row!r}")
    return row, CatalogueImage(**entry)
