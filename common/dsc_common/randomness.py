"""Random numbers keyed on (seed, request id), so that neither order nor concurrency changes a result."""

import hashlib

import numpy as np


def keyed_rng(seed: int, request_id: str) -> np.random.Generator:
    """Generator of its own for one request: the same pair gives the same numbers everywhere."""
    digest = hashlib.sha256(f"{seed}\n{request_id}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
