"""Values as one line of JSON that every parser reads, in any encoding of the output."""

import json
import math
from collections.abc import Mapping


def to_json(value: object) -> str:
    """One line of JSON in ASCII; floats that JSON lacks become text: "inf", "-inf", "nan"."""
    return json.dumps(finite(value), ensure_ascii=True, allow_nan=False)


def finite(value: object) -> object:
    """The value with text in place of floats that are not finite; Python's `float` reads it back."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
