"""What the metadata of a network lack; see `dsc_model.metadata.describe`."""

import json
from collections.abc import Callable, Mapping

from dsc_common.features.extractor import MAX_LONGEST_SIDE
from dsc_common.features.images import MIN_SIDE
from dsc_model.checking.graph import Interface
from dsc_model.metadata import FORMAT


def metadata_faults(properties: Mapping[str, str], interface: Interface) -> list[str]:
    """A line for each key that is missing, or has a value that does not fit the outputs."""
    labels = f"a JSON list of {_count(interface.num_labels)} names"
    expected: dict[str, tuple[str, Callable[[str], bool]]] = {
        "dsc.format": (FORMAT, lambda value: value == FORMAT),
        "dsc.backbone": ("a name", bool),
        "dsc.longest_side": (
            f"{MIN_SIDE} to {MAX_LONGEST_SIDE}",
            lambda value: MIN_SIDE <= (_number(value) or 0) <= MAX_LONGEST_SIDE,
        ),
        "dsc.feature_dim": (_count(interface.feature_dim), _is_count(interface.feature_dim)),
        "dsc.num_labels": (_count(interface.num_labels), _is_count(interface.num_labels)),
        "dsc.labels": (labels, lambda value: _are_labels(value, interface.num_labels)),
    }
    return [
        f"metadata {key}: expected {what}, got {_got(properties, key)}"
        for key, (what, fits) in expected.items()
        if key not in properties or not fits(properties[key])
    ]


def longest_side_of(properties: Mapping[str, str], default: int) -> int:
    """The longest side in the metadata, or the default where it is missing or out of range."""
    side = _number(properties.get("dsc.longest_side", "")) or 0
    return side if MIN_SIDE <= side <= MAX_LONGEST_SIDE else default


def _got(properties: Mapping[str, str], key: str) -> str:
    if key not in properties:
        return "none"
    value = properties[key]
    return repr(value if len(value) <= 40 else value[:40] + "…")


def _count(number: int | None) -> str:
    return "a number" if number is None else str(number)


def _number(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _is_count(number: int | None) -> Callable[[str], bool]:
    return lambda value: _number(value) is not None and number in (None, _number(value))


def _are_labels(value: str, num_labels: int | None) -> bool:
    try:
        labels = json.loads(value)
    except (ValueError, RecursionError):
        return False
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        return False
    return num_labels in (None, len(labels))
