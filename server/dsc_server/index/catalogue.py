"""The catalogue: identity, place and label of every image, one JSON object per line."""

import json
from dataclasses import asdict, dataclass

from dsc_common.errors import DamagedIndexError


@dataclass(frozen=True)
class CatalogueImage:
    """An image of the database: its id, where it lies, and its label (partition)."""

    id: str
    uri: str
    label: int


def catalogue_to_bytes(images: list[CatalogueImage]) -> bytes:
    """Images → JSON lines."""
    return "".join(json.dumps(asdict(image), ensure_ascii=False) + "\n" for image in images).encode()


def catalogue_from_bytes(data: bytes, name: str = "catalogue") -> list[CatalogueImage]:
    """JSON lines → images; the inverse of `catalogue_to_bytes`.

    Raises:
        DamagedIndexError: a line is not such an object.
    """
    images = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            images.append(CatalogueImage(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise DamagedIndexError(f"{name} is damaged: line {number}: {error}") from error
    return images
