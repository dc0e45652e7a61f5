"""The channel's calls of its server: repeated where a failure may pass, refused with the cause where not."""

from collections.abc import Callable
from functools import cached_property

import grpc
import numpy as np

from dsc.v1 import retrieval_pb2, retrieval_pb2_grpc
from dsc_common.errors import DscError, UnreachableError
from dsc_common.observing.call import outgoing_metadata
from dsc_common.serving.address import Peer
from dsc_common.serving.client import open_async, peer_credentials
from dsc_common.serving.readiness import Readiness
from dsc_common.serving.retrying import call_again
from dsc_common.serving.status import call_error

MARGIN_S = 0.5  # in which an error travels back to the device
RETRIEVAL = retrieval_pb2.DESCRIPTOR.services_by_name["RetrievalService"].full_name


class ServerClient:
    """Client of one server.

    Args:
        server: the server.
        wait_s: time limit of an answer, with all attempts, in seconds.

    Raises:
        DscError: the file of CA certificates holds none, or cannot be read.
    """

    def __init__(self, server: Peer, wait_s: float) -> None:
        self._server = server
        self._wait_s = wait_s
        self._credentials = peer_credentials(server)
        self._readiness = Readiness(server, RETRIEVAL)
        self._rng = np.random.default_rng()  # of pauses

    @cached_property
    def _connection(self) -> grpc.aio.Channel:
        return open_async(self._server, self._credentials)  # it belongs to the running event loop

    @cached_property
    def _stub(self) -> "retrieval_pb2_grpc.RetrievalServiceAsyncStub":
        stub: retrieval_pb2_grpc.RetrievalServiceAsyncStub
        stub = retrieval_pb2_grpc.RetrievalServiceStub(self._connection)
        return stub

    async def follow(self, report: Callable[[bool], None]) -> None:
        """Report again and again whether the server is ready, until this task is cancelled."""
        await self._readiness.follow(self._connection, report)

    async def retrieve(
        self, request: retrieval_pb2.RetrieveRequest, left_s: float | None = None
    ) -> retrieval_pb2.RetrieveResponse:
        """The server's answer.

        Args:
            request: the request.
            left_s: seconds that the device still waits; None: no limit. The error must reach it.

        Raises:
            DscError: the server refuses the request, fails, or does not answer in time.
        """
        wait_s = self._wait_s if left_s is None else min(self._wait_s, max(left_s - MARGIN_S, left_s / 2))

        metadata = outgoing_metadata()

        async def call(limit_s: float) -> retrieval_pb2.RetrieveResponse:
            return await self._stub.Retrieve(request, timeout=limit_s, wait_for_ready=True, metadata=metadata)

        try:
            return await call_again(call, wait_s, self._rng)
        except grpc.aio.AioRpcError as error:
            raise self._with_cause(call_error(error, self._server, wait_s), wait_s) from error

    def _with_cause(self, error: DscError, wait_s: float) -> DscError:
        """The error, with the cause if the server cannot be reached."""
        state = self._connection.get_state()
        if not isinstance(error, UnreachableError) or state is grpc.ChannelConnectivity.READY:
            return error
        cause = self._readiness.cause
        line = f"{self._server} did not answer within {wait_s:.3g} s"
        return UnreachableError(f"{line}: {cause}" if cause else line)
