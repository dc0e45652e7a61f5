"""What a setting accepts, in words: "a whole number from 1 to 1024"."""

from enum import Enum
from pathlib import Path
from typing import Any, get_args

import annotated_types
from pydantic.fields import FieldInfo

_NOUNS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    str: "valid text",
}


def expected_value(field: FieldInfo) -> str:
    """The type of a setting with its bounds."""
    kind = next(
        (each for each in (get_args(field.annotation) or (field.annotation,)) if each is not None), str
    )
    return expected_of(kind, field.metadata)


def expected_of(kind: Any, bounds: list[Any]) -> str:  # noqa: ANN401 (a type)
    """A type with its bounds.

    Args:
        kind: the type; of an enumeration all values are listed.
        bounds: of the package annotated-types; others are passed over.
    """
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(str(member.value) for member in kind)}"
    return _NOUNS.get(kind, "a valid value") + _bounds(bounds)


def _bounds(metadata: list[Any]) -> str:
    low = high = ""
    for bound in metadata:
        match bound:
            case annotated_types.Ge(ge=value):
                low = f" from {_number(value)}"
            case annotated_types.Gt(gt=value):
                low = f" above {_number(value)}"
            case annotated_types.Le(le=value):
                high = f" to {_number(value)}"
    if low.startswith(" above") and high:
        return f"{low} and up{high}"
    return low + high


def _number(value: Any) -> str:  # noqa: ANN401 (int or float; the library says less)
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}"
