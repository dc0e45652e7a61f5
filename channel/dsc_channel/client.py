"""The channel's calls of its server: repeated where a failure may pass, refused with the cause where not."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import grpc
import numpy as np

from dsc.v1 import retrieval_pb2, retrieval_pb2_grpc
from dsc_common.errors import DscError, UnauthenticatedError, UnreachableError
from dsc_common.files.followed import Followed
from dsc_common.observing.call import outgoing_metadata
from dsc_common.serving.address import Peer
from dsc_common.serving.bearer import Metadata, is_in_the_clear
from dsc_common.serving.client import open_async, peer_credentials
from dsc_common.serving.readiness import Readiness
from dsc_common.serving.retrying import AWAY, call_again
from dsc_common.serving.status import call_error

MARGIN_S = 0.5  # in which an error travels back to the device
RETRIEVAL = retrieval_pb2.DESCRIPTOR.services_by_name["RetrievalService"].full_name


@dataclass(frozen=True)
class _Link:
    """A connection to the server, and its stub."""

    connection: grpc.aio.Channel
    stub: "retrieval_pb2_grpc.RetrievalServiceAsyncStub"

    @staticmethod
    def to(server: Peer) -> "_Link":
        connection = open_async(server, peer_credentials(server))
        stub: retrieval_pb2_grpc.RetrievalServiceAsyncStub
        stub = retrieval_pb2_grpc.RetrievalServiceStub(connection)
        return _Link(connection, stub)


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
        peer_credentials(server)  # a wrong file ends the start
        self._connections: Followed[_Link] = Followed(server.tls_files, self._open)
        self._link: _Link | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._readiness = Readiness(server, RETRIEVAL)
        self._rng = np.random.default_rng()  # of pauses

    def _open(self) -> "_Link":
        """A new connection of the running event loop; requests under way end on the one before."""
        link = _Link.to(self._server)
        if self._link is not None:
            task = asyncio.create_task(self._link.connection.close(self._wait_s))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._link = link
        return link

    async def follow(self, report: Callable[[bool], None]) -> None:
        """Report again and again whether the server is ready, until this task is cancelled."""
        await self._readiness.follow(lambda: self._connections.latest().connection, report)

    async def retrieve(
        self, request: retrieval_pb2.RetrieveRequest, left_s: float | None = None, metadata: Metadata = ()
    ) -> retrieval_pb2.RetrieveResponse:
        """The server's answer.

        Args:
            request: the request.
            left_s: seconds that the device still waits; None: no limit. The error must reach it.
            metadata: the authorization of the device, for the server.

        Raises:
            UnauthenticatedError: others could read the authorization on its way to the server.
            DscError: the server refuses the request, fails, or does not answer in time.
        """
        if metadata and is_in_the_clear(self._server):
            raise UnauthenticatedError(
                f"the channel does not pass a token on in the clear to the {self._server}: "
                "expected TLS, set its CA certificates"
            )
        wait_s = self._wait_s if left_s is None else min(self._wait_s, max(left_s - MARGIN_S, left_s / 2))

        metadata = (*metadata, *outgoing_metadata())

        async def call(limit_s: float) -> retrieval_pb2.RetrieveResponse:
            stub = self._connections.latest().stub
            return await stub.Retrieve(request, timeout=limit_s, wait_for_ready=True, metadata=metadata)

        try:
            # An overloaded server is asked again by the device: to wait here would load the channel as well.
            return await call_again(call, wait_s, self._rng, passing=AWAY)
        except grpc.aio.AioRpcError as error:
            raise self._with_cause(call_error(error, self._server, wait_s), wait_s) from error

    def _with_cause(self, error: DscError, wait_s: float) -> DscError:
        """The error, with the cause if the server cannot be reached."""
        state = self._connections.latest().connection.get_state()
        if not isinstance(error, UnreachableError) or state is grpc.ChannelConnectivity.READY:
            return error
        cause = self._readiness.cause
        line = f"{self._server} did not answer within {wait_s:.3g} s"
        return UnreachableError(f"{line}: {cause}" if cause else line)
