"""How a query is to be sent, link settings and retrieval options, as JSON and back."""

import json
from dataclasses import fields
from typing import Any

from dsc_common.cli.json_text import to_json
from dsc_common.errors import InvalidInputError
from dsc_common.radio.link import LINK_FIELDS, LinkChoice
from dsc_common.retrieval.options import Policy, Ranking, RetrievalOptions

_LINK = {field.name: field.kind for field in LINK_FIELDS}
_RETRIEVAL: dict[str, Any] = {
    "top": int,
    "ranking": Ranking,
    "receiver": str,
    "policy": Policy,
    "confidence_threshold": float,
}


def choices_to_json(link: LinkChoice, options: RetrievalOptions) -> str:
    """One JSON object; what was left to channel and server is left out."""
    retrieval = {field.name: getattr(options, field.name) for field in fields(options)}
    return to_json({"link": _given(vars(link)), "retrieval": _given(retrieval)})


def choices_from_json(text: str) -> tuple[LinkChoice, RetrievalOptions]:
    """What `choices_to_json` wrote.

    Raises:
        InvalidInputError: the text is something else.
    """
    try:
        found = json.loads(text)
        link, retrieval = _read(found["link"], _LINK), _read(found["retrieval"], _RETRIEVAL)
        return LinkChoice(**link), RetrievalOptions(**retrieval)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInputError(f"expected link settings and retrieval options, got {text!r}") from error


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _read(values: dict[str, Any], kinds: dict[str, Any]) -> dict[str, Any]:
    return {name: kinds[name](value) for name, value in values.items()}
