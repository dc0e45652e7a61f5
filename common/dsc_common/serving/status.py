"""Errors to gRPC statuses in a service, and statuses back to errors in its client: one table for both.

The service also sends the class of a DscError in a trailer: gRPC itself ends calls with some of these
statuses (UNAVAILABLE, INTERNAL), and two classes can share a status. Without a trailer, the client uses the
status.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncIterator
from typing import Any

import grpc

from dsc_common.cli.printable import printable
from dsc_common.errors import (
    DamagedIndexError,
    DeadlineError,
    DscError,
    InvalidImageError,
    InvalidInputError,
    OverloadedError,
    PermissionDeniedError,
    SettingError,
    UnauthenticatedError,
    UnknownCodebookError,
    UnreachableError,
)
from dsc_common.serving.address import Peer
from dsc_common.serving.retrying import MAX_RETRY_AFTER_S, RETRY_AFTER, TOO_LARGE, retry_after_s, trailer_of

LOG = logging.getLogger(__name__)
TRAILER = "dsc-error"
MAX_LINE_CHARACTERS = 600  # gRPC drops an answer with more than 8 KiB of metadata; a character takes up to 12

# If several classes share a status, the last class is the one that a client raises for it.
STATUS: dict[type[DscError], grpc.StatusCode] = {
    InvalidImageError: grpc.StatusCode.INVALID_ARGUMENT,
    SettingError: grpc.StatusCode.INVALID_ARGUMENT,
    InvalidInputError: grpc.StatusCode.INVALID_ARGUMENT,
    UnknownCodebookError: grpc.StatusCode.FAILED_PRECONDITION,
    UnreachableError: grpc.StatusCode.UNAVAILABLE,
    DeadlineError: grpc.StatusCode.DEADLINE_EXCEEDED,
    OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UnauthenticatedError: grpc.StatusCode.UNAUTHENTICATED,
    PermissionDeniedError: grpc.StatusCode.PERMISSION_DENIED,
    DamagedIndexError: grpc.StatusCode.DATA_LOSS,
    DscError: grpc.StatusCode.INTERNAL,
}
_BY_NAME = {kind.__name__: kind for kind in STATUS}
_BY_CODE = {code: kind for kind, code in STATUS.items()}

# Statuses that gRPC itself gives, with details that do not name the peer.
_LINES: dict[grpc.StatusCode, tuple[type[DscError], str]] = {
    grpc.StatusCode.UNAVAILABLE: (UnreachableError, "{name} does not answer"),
    grpc.StatusCode.CANCELLED: (
        UnreachableError,
        "{name} ended the request without an answer: it stops, or was restarted",
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (OverloadedError, "{name} is overloaded: {details}"),
    grpc.StatusCode.UNAUTHENTICATED: (UnauthenticatedError, "{name} refuses the call: {details}"),
    grpc.StatusCode.PERMISSION_DENIED: (PermissionDeniedError, "{name} refuses the call: {details}"),
}


_TAKES_LESS = " does not take a message of this size"


class PeerStatusError(DscError):
    """A peer failed with a status that has no class here; a service in between passes the status on.

    Attributes:
        code: the status of the peer.
    """

    def __init__(self, message: str, code: grpc.StatusCode) -> None:
        super().__init__(message)
        self.code = code


@contextlib.asynccontextmanager
async def errors_as_status(context: "grpc.aio.ServicerContext[Any, Any]") -> AsyncIterator[None]:
    """End the call with the status and message of a DscError; other exceptions are logged, not sent."""
    try:
        yield
    except DscError as error:
        kind = next(base for base in type(error).__mro__ if base in STATUS)
        code = error.code if isinstance(error, PeerStatusError) else STATUS[kind]
        await _end(context, code, str(error), ((TRAILER, kind.__name__), *_retry_after(error)))
    except (grpc.aio.AbortError, asyncio.CancelledError):
        raise
    except grpc.aio.BaseError:  # a message cannot be sent: the client is gone
        raise asyncio.CancelledError from None
    except Exception:
        LOG.exception("request failed")
        await _end(context, grpc.StatusCode.INTERNAL, "internal error; the service's log has the details", ())


def _retry_after(error: DscError) -> tuple[tuple[str, str], ...]:
    seconds = min(error.retry_after_s, MAX_RETRY_AFTER_S) if isinstance(error, OverloadedError) else 0.0
    return ((RETRY_AFTER, str(math.ceil(1e3 * seconds))),) if seconds > 0 else ()


async def _end(
    context: "grpc.aio.ServicerContext[Any, Any]",
    code: grpc.StatusCode,
    line: str,
    trailer: tuple[tuple[str, str], ...],
) -> None:
    try:
        await context.abort(code, short_line(line), trailer)
    except grpc.aio.AbortError:
        raise
    except grpc.aio.BaseError:  # the status cannot be sent: the client is gone
        raise asyncio.CancelledError from None


def short_line(line: str) -> str:
    """The line of a status, printable, and cut where gRPC could not send it: it may quote a request."""
    line = printable(line[: MAX_LINE_CHARACTERS + 1])  # cut before, as it may be long
    return line if len(line) <= MAX_LINE_CHARACTERS else f"{line[: MAX_LINE_CHARACTERS - 1]}…"


def call_error(error: grpc.RpcError, peer: Peer, waited_s: float | None = None) -> DscError:
    """The error of a failed call, with the message of the service, or with one that names the peer.

    Args:
        error: the error that a stub raised.
        peer: the service that was called.
        waited_s: time limit of the call in seconds, for the line of a call that exceeded it.
    """
    code, details = error.code(), error.details() or "no details"
    ours = _BY_NAME.get(trailer_of(error, TRAILER))
    found = ours(details) if ours is not None else _of_other(code, details, str(peer), waited_s)
    if isinstance(found, OverloadedError):
        found.retry_after_s = retry_after_s(error)
    return found


def is_answer(error: grpc.RpcError) -> bool:
    """Whether a service of this project answered with the error; otherwise gRPC made it."""
    return trailer_of(error, TRAILER) in _BY_NAME


def _of_other(code: grpc.StatusCode, details: str, name: str, waited_s: float | None) -> DscError:
    """The error of a status that gRPC itself, or another implementation, gave."""
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        time = "in time" if waited_s is None else f"within {waited_s:.3g} s"
        return DeadlineError(f"{name} did not answer {time}")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and TOO_LARGE in details:
        came_back = "CLIENT:" in details  # which the client did not take
        fault = ": its answer is too large; ask for fewer results" if came_back else _TAKES_LESS
        return InvalidInputError(f"{name}{fault}: {details}")
    if code in _LINES:
        kind, line = _LINES[code]
        return kind(line.format(name=name, details=details))
    if code is grpc.StatusCode.UNIMPLEMENTED:
        hint = "it is another service, or of another version"
        return PeerStatusError(f"{name} failed (UNIMPLEMENTED): {details}; {hint}", code)
    kind = _BY_CODE.get(code, DscError)
    if kind is DscError:
        return PeerStatusError(f"{name} failed ({code.name}): {details}", code)
    return kind(details)
