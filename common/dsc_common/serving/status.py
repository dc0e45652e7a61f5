"""Errors to gRPC statuses in a service, and statuses back to errors in its client: one table for both.

The service also sends the class of a DscError in a trailer: gRPC itself ends calls with some of these
statuses (UNAVAILABLE, INTERNAL), and two classes can share a status. Without a trailer, the client uses the
status.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc

from dsc_common.errors import (
    DamagedIndexError,
    DscError,
    InvalidImageError,
    InvalidInputError,
    UnknownCodebookError,
    UnreachableError,
)
from dsc_common.serving.address import Peer

LOG = logging.getLogger(__name__)
TRAILER = "dsc-error"

# If several classes share a status, the last class is the one that a client raises for it.
STATUS: dict[type[DscError], grpc.StatusCode] = {
    InvalidImageError: grpc.StatusCode.INVALID_ARGUMENT,
    InvalidInputError: grpc.StatusCode.INVALID_ARGUMENT,
    UnknownCodebookError: grpc.StatusCode.FAILED_PRECONDITION,
    UnreachableError: grpc.StatusCode.UNAVAILABLE,
    DamagedIndexError: grpc.StatusCode.DATA_LOSS,
    DscError: grpc.StatusCode.INTERNAL,
}
_BY_NAME = {kind.__name__: kind for kind in STATUS}
_BY_CODE = {code: kind for kind, code in STATUS.items()}


@contextlib.asynccontextmanager
async def errors_as_status(context: "grpc.aio.ServicerContext[Any, Any]") -> AsyncIterator[None]:
    """End the call with the status and message of a DscError; other exceptions are logged, not sent."""
    try:
        yield
    except DscError as error:
        kind = next(base for base in type(error).__mro__ if base in STATUS)
        await context.abort(STATUS[kind], str(error), ((TRAILER, kind.__name__),))
    except (grpc.aio.AbortError, asyncio.CancelledError):
        raise
    except Exception:
        LOG.exception("request failed")
        await context.abort(grpc.StatusCode.INTERNAL, "internal error; the service's log has the details")


def call_error(error: grpc.RpcError, peer: Peer) -> DscError:
    """The error of a failed call, with the message of the service, or with one that names the peer.

    Args:
        error: the error that a stub raised.
        peer: the service that was called.
    """
    code, details = error.code(), error.details() or "no details"
    ours = _BY_NAME.get(_trailer(error))
    if ours is not None:
        return ours(details)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return UnreachableError(f"{peer.role} at {peer.address} did not answer in time")
    if code is grpc.StatusCode.UNAVAILABLE:
        return UnreachableError(f"{peer.role} at {peer.address} does not answer")
    kind = _BY_CODE.get(code, DscError)
    if kind is DscError:
        return DscError(f"{peer.role} at {peer.address} failed ({code.name}): {details}")
    return kind(details)


def _trailer(error: grpc.RpcError) -> str:
    metadata: Any = error.trailing_metadata() or ()  # pairs, of a type that differs with the kind of stub
    return next((str(value) for key, value in metadata if key == TRAILER), "")
