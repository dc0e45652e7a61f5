"""Queries for the tests of the device's queue."""

import hashlib
from pathlib import Path

import numpy as np

from dsc_common.features.extraction import Extraction
from dsc_common.radio.link import LinkChoice
from dsc_common.retrieval.options import RetrievalOptions
from dsc_device.store.entry import Entry

MODEL = "ab" * 32
F, K = 16, 32


def extraction_of(seed: int) -> Extraction:
    """A random extraction."""
    rng = np.random.default_rng(seed)
    probabilities = rng.random(K).astype(np.float32)
    return Extraction(rng.standard_normal(F).astype(np.float32), probabilities)


def entry_of(name: str, request_id: str = "", path: Path | None = None, seed: int = 0) -> Entry:
    """A query whose content is a hash of its name."""
    content = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return Entry(
        request_id, name, path, content, MODEL, extraction_of(seed), 10**18, LinkChoice(), RetrievalOptions()
    )
