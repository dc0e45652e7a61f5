"""Enum numbers of messages to enum members; unknown numbers are refused."""

from collections.abc import Mapping
from typing import TypeVar

from dsc_common.errors import InvalidInputError

_Member = TypeVar("_Member")
_Number = TypeVar("_Number")


def member_of(table: Mapping[_Member, _Number], number: _Number, noun: str) -> _Member:
    """The member with this number in the table; InvalidInputError, with the noun, for an unknown number."""
    for member, value in table.items():
        if value == number:
            return member
    names = ", ".join(str(member) for member in table)
    raise InvalidInputError(f"expected {noun} among {names}, got number {number}")
