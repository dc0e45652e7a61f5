"""Enum numbers of a message back to members of our enums; an unknown number is refused."""

from collections.abc import Mapping
from typing import TypeVar

from dsc_common.errors import InvalidInputError

_Member = TypeVar("_Member")
_Number = TypeVar("_Number")


def member_of(table: Mapping[_Member, _Number], number: _Number, what: str) -> _Member:
    """The member with this number in the table; InvalidInputError, naming `what`, if there is none."""
    for member, value in table.items():
        if value == number:
            return member
    names = ", ".join(str(member) for member in table)
    raise InvalidInputError(f"expected {what} among {names}, got number {number}")
