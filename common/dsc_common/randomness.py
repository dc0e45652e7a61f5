"""Random numbers keyed on (seed, request id): results do not depend on order or concurrency."""

import hashlib
import json

import numpy as np


def keyed_rng(seed: int, request_id: str, *purpose: str | int) -> np.random.Generator:
    """Generator for one request: the same key gives the same numbers everywhere.

    Args:
        seed: seed of the experiment.
        request_id: any text.
        purpose: use of the numbers, such as ("fading", 2), if a request needs several generators.
    """
    key = json.dumps([seed, request_id, *purpose]) if purpose else f"{seed}\n{request_id}"
    digest = hashlib.sha256(key.encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
