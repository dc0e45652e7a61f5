"""Messages as they arrive at the other end."""

from typing import TypeVar

from google.protobuf.message import Message

_Message = TypeVar("_Message", bound=Message)


def sent(message: _Message) -> _Message:
    """The message after a trip through bytes."""
    return type(message).FromString(message.SerializeToString())
