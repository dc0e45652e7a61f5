"""Connections whose calls send the token of the client."""

from collections.abc import Callable
from typing import Any, NamedTuple

import grpc

from dsc_common.serving.address import Peer
from dsc_common.serving.bearer import bearer

_Continue = Callable[[grpc.ClientCallDetails, Any], Any]


def bearing(connection: grpc.Channel, peer: Peer) -> grpc.Channel:
    """The connection, with the peer's token in the metadata of each call; unchanged if it has none."""
    if peer.token_file is None:
        return connection
    return grpc.intercept_channel(connection, _Bearing(peer))


class _Details(NamedTuple):
    """What gRPC reads of a call."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _Bearing(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Reads the token again for each call: a renewed one is sent from the next call on."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def intercept_unary_unary(self, proceed: _Continue, details: Any, request: Any) -> Any:  # noqa: ANN401 (gRPC's)
        """A call with one answer."""
        return proceed(self._with_token(details), request)

    def intercept_unary_stream(self, proceed: _Continue, details: Any, request: Any) -> Any:  # noqa: ANN401 (gRPC's)
        """A call with many answers."""
        return proceed(self._with_token(details), request)

    def _with_token(self, details: Any) -> Any:  # noqa: ANN401 (gRPC's)
        metadata = [*(details.metadata or ()), *bearer(self._peer)]
        return _Details(
            details.method,
            details.timeout,
            metadata,
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )
