"""Errors to gRPC status codes in a service, and back to errors in its client: the one place for both."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc

from dsc_common.errors import (
    DamagedIndexError,
    DscError,
    InvalidInputError,
    UnknownCodebookError,
    UnreachableError,
)
from dsc_common.serving.address import Peer

# How our own lines on an unreachable peer begin.
ROLES = ("server at ", "channel at ")


def call_error(error: grpc.RpcError, peer: Peer) -> DscError:
    """The error of a call as one of ours, with the line that the service gave, or that it does not answer."""
    code, details = error.code(), error.details() or "no details"
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        return InvalidInputError(details)
    if code is grpc.StatusCode.FAILED_PRECONDITION:
        return UnknownCodebookError(details)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return UnreachableError(f"{peer.role} at {peer.address} did not answer in time")
    if code is grpc.StatusCode.UNAVAILABLE:
        said_by_us = details.startswith(ROLES)
        return UnreachableError(details if said_by_us else f"{peer.role} at {peer.address} does not answer")
    return DscError(f"{peer.role} at {peer.address} failed ({code.name}): {details}")


LOG = logging.getLogger(__name__)

# The most specific error first: the first match wins.
_STATUS: tuple[tuple[type[DscError], grpc.StatusCode], ...] = (
    (InvalidInputError, grpc.StatusCode.INVALID_ARGUMENT),
    (UnknownCodebookError, grpc.StatusCode.FAILED_PRECONDITION),
    (UnreachableError, grpc.StatusCode.UNAVAILABLE),
    (DamagedIndexError, grpc.StatusCode.DATA_LOSS),
    (DscError, grpc.StatusCode.INTERNAL),
)


@contextlib.asynccontextmanager
async def errors_as_status(context: "grpc.aio.ServicerContext[Any, Any]") -> AsyncIterator[None]:
    """The one place where errors become gRPC status codes, each with its one clear line."""
    try:
        yield
    except DscError as error:
        code = next(status for kind, status in _STATUS if isinstance(error, kind))
        await context.abort(code, str(error))
    except (grpc.aio.AbortError, asyncio.CancelledError):
        raise
    except Exception:
        LOG.exception("request failed")
        await context.abort(grpc.StatusCode.INTERNAL, "internal error; the service's log has the details")
