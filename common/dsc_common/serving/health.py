"""The standard health service (grpc.health.v1), with streams that end when the service stops.

The servicer of grpcio-health-checking keeps its Watch streams open, so that each stop takes the whole grace.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dsc_common.errors import UnreachableError
from dsc_common.serving.status import short_line

_Context = grpc.aio.ServicerContext[Any, Any]
_Response = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # untyped library
    """Health of a service: one status for each name; the empty name is the process as a whole."""

    def __init__(self) -> None:
        self._serving: dict[str, bool] = {}
        self._changed = asyncio.Event()
        self._stopping = False

    def set(self, name: str, serving: bool) -> None:
        """Set the status of a name; no effect once the service stops."""
        if not self._stopping:
            self._serving[name] = serving
            self._notify()

    def is_serving(self, name: str) -> bool:
        """Whether a name is SERVING."""
        return self._serving.get(name, False)

    def stop(self) -> None:
        """All names become NOT_SERVING; each Watch stream sends this, and ends."""
        self._stopping = True
        self._serving = dict.fromkeys(self._serving, False)
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _status(self, name: str) -> int:
        if name not in self._serving:
            return int(_Response.SERVICE_UNKNOWN)
        return int(_Response.SERVING if self._serving[name] else _Response.NOT_SERVING)

    async def Check(self, request: health_pb2.HealthCheckRequest, context: _Context) -> Any:  # noqa: ANN401 (untyped)
        """The status of a name; NOT_FOUND for an unknown one."""
        status = self._status(request.service)
        if status == _Response.SERVICE_UNKNOWN:
            line = short_line(f"no service is named {request.service!r} here")
            await context.abort(grpc.StatusCode.NOT_FOUND, line)
        return _Response(status=status)

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: _Context) -> AsyncIterator[Any]:
        """The status of a name, and each change of it, until the service stops."""
        last = None
        while True:
            changed = self._changed
            status = self._status(request.service)
            if status != last:
                yield _Response(status=status)
                last = status
                continue  # it may have changed meanwhile
            if self._stopping:
                raise UnreachableError("the service stops")
            await changed.wait()
