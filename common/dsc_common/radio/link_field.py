"""One field of a link's settings: name, type, default, bounds, unit and help text."""

import math
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from dsc_common.errors import InvalidInputError


@dataclass(frozen=True)
class About:
    """Annotation of a field, beside its type.

    Attributes:
        text: description in one sentence; help text of the command-line option.
        noun: name of the field in error lines.
        low: smallest value; None: no bounds.
        high: largest value.
        unit: unit of the value and its bounds; empty for counts and names.
        or_infinity: +inf is accepted as well.
    """

    text: str
    noun: str = ""
    low: float | None = None
    high: float = math.inf
    unit: str = ""
    or_infinity: bool = False

    def require(self, value: float) -> None:
        """Raise InvalidInputError, with the bounds, if the value is outside them (or NaN)."""
        if self.low is None or self.low <= value <= self.high or (self.or_infinity and value == math.inf):
            return
        unit = f" {self.unit}" if self.unit else ""
        infinity = ", or inf" if self.or_infinity else ""
        raise InvalidInputError(
            f"expected {self.noun} from {_shown(self.low)} to {_shown(self.high)}{unit}{infinity}, "
            f"got {_shown(value)}"
        )


@dataclass(frozen=True)
class LinkField:
    """A field of a dataclass whose annotations are `Annotated[kind, About(…)]`."""

    name: str
    kind: type[Any]
    default: Any
    about: About


def described_fields(settings: type[Any]) -> tuple[LinkField, ...]:
    """The fields of a dataclass with such annotations, in their order."""
    hints = get_type_hints(settings, include_extras=True)
    return tuple(
        LinkField(field.name, hint.__origin__, field.default, hint.__metadata__[0])
        for field in fields(settings)
        for hint in (hints[field.name],)
    )


def _shown(value: float) -> str:
    if not isinstance(value, int):
        return f"{value:g}"
    is_long_mask = value >= 1 << 32 and value & (value + 1) == 0
    return f"2^{value.bit_length()} - 1" if is_long_mask else str(value)
