"""The channel's calls of its server: repeated where a failure may pass, refused with the cause where not."""

from collections.abc import Callable

import grpc
import numpy as np

from dsc.v1 import retrieval_pb2, retrieval_pb2_grpc
from dsc_common.errors import DeadlineError, DscError, UnreachableError
from dsc_common.serving.address import Peer
from dsc_common.serving.client import open_async, peer_credentials
from dsc_common.serving.readiness import Readiness
from dsc_common.serving.retrying import call_again
from dsc_common.serving.status import call_error

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
        self._opened: grpc.aio.Channel | None = None

    @property
    def _connection(self) -> grpc.aio.Channel:
        if self._opened is None:  # a connection belongs to the running event loop
            self._opened = open_async(self._server, self._credentials)
        return self._opened

    async def follow(self, report: Callable[[bool], None]) -> None:
        """Report again and again whether the server is ready, until this task is cancelled."""
        await self._readiness.follow(self._connection, report)

    async def retrieve(self, request: retrieval_pb2.RetrieveRequest) -> retrieval_pb2.RetrieveResponse:
        """The server's answer.

        Raises:
            DscError: the server refuses the request, fails, or does not answer in time.
        """
        stub: retrieval_pb2_grpc.RetrievalServiceAsyncStub
        stub = retrieval_pb2_grpc.RetrievalServiceStub(self._connection)

        async def call(left_s: float) -> retrieval_pb2.RetrieveResponse:
            return await stub.Retrieve(request, timeout=left_s, wait_for_ready=True)

        try:
            return await call_again(call, self._wait_s, np.random.default_rng())
        except grpc.aio.AioRpcError as error:
            raise self._with_cause(call_error(error, self._server, self._wait_s)) from error

    def _with_cause(self, error: DscError) -> DscError:
        """The error, with the cause if the server cannot be reached."""
        state = self._connection.get_state()
        if not isinstance(error, UnreachableError) or state is grpc.ChannelConnectivity.READY:
            return error
        line = str(error) if isinstance(error, DeadlineError) else f"{self._server} does not answer"
        cause = self._readiness.cause
        return UnreachableError(f"{line}: {cause}" if cause else line)
