"""A query that waits: q and p in half precision, and how it is to be sent; as a row with a checksum."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import DscError
from dsc_common.features.extraction import Extraction
from dsc_common.radio.link import LinkChoice
from dsc_common.retrieval.options import RetrievalOptions
from dsc_common.vectors import normalised
from dsc_device.store.choices import choices_from_json, choices_to_json

CHECKSUM_BYTES = 8
COLUMNS = "request_id, name, path, content, model, feature, probabilities, captured_ns, choices"
_HALF = np.dtype("<f2")


@dataclass(frozen=True, eq=False)
class Entry:
    """A query that waits to be sent.

    Attributes:
        request_id: of the query.
        name: the photo, as answers name it.
        path: the photo's file, absolute; None for rows of a feature file and photos that are not kept.
        content: SHA-256 of the photo's file, 32 bytes; empty for rows.
        model: SHA-256 of the network that extracted q and p, lower-case hexadecimal; empty for rows.
        extraction: q and p; those of a row are `halved`.
        captured_ns: time of the query, in nanoseconds since 1970 (UTC).
        link: link settings.
        options: retrieval options.
    """

    request_id: str
    name: str
    path: Path | None
    content: bytes
    model: str
    extraction: Extraction
    captured_ns: int
    link: LinkChoice
    options: RetrievalOptions


def halved(extraction: Extraction) -> Extraction:
    """q and p as they are after a stay in the queue: rounded to float16, q at unit length again."""
    return _from_bytes(_to_bytes(extraction.feature), _to_bytes(extraction.probabilities))


def entry_to_row(entry: Entry) -> tuple[Any, ...]:
    """The values of COLUMNS, and their checksum."""
    values = (
        entry.request_id,
        os.fsencode(entry.name),
        None if entry.path is None else os.fsencode(entry.path),
        entry.content,
        entry.model,
        _to_bytes(entry.extraction.feature),
        _to_bytes(entry.extraction.probabilities),
        entry.captured_ns,
        choices_to_json(entry.link, entry.options),
    )
    return (*values, _checksum(values))


def entry_from_row(row: tuple[Any, ...]) -> Entry | None:
    """The entry of a row; None if it is damaged."""
    *values, checksum = row
    try:
        if checksum != _checksum(tuple(values)):
            return None
        request_id, name, path, content, model, feature, probabilities, captured_ns, choices = values
        link, options = choices_from_json(choices)
    except (DscError, ValueError, TypeError, LookupError):
        return None
    return Entry(
        request_id,
        os.fsdecode(name),
        None if path is None else Path(os.fsdecode(path)),
        content,
        model,
        _from_bytes(feature, probabilities),
        captured_ns,
        link,
        options,
    )


def _to_bytes(numbers: NDArray[np.float32]) -> bytes:
    return numbers.astype(_HALF).tobytes()


def _from_bytes(feature: bytes, probabilities: bytes) -> Extraction:
    q, p = (np.frombuffer(data, _HALF).astype(np.float32) for data in (feature, probabilities))
    return Extraction(normalised(q[None])[0], p)


def _checksum(values: tuple[Any, ...]) -> bytes:
    digest = hashlib.blake2b(digest_size=CHECKSUM_BYTES)
    for value in values:
        data = value if isinstance(value, bytes) else repr(value).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()
