"""The calls of a device: to a server for its codebooks, to a channel with packets; plain values in and out.

The only module of the device that handles messages and stubs. Connections may be shared by several threads.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import grpc
import numpy as np

from dsc.v1 import (
    codebook_pb2,
    codebook_pb2_grpc,
    packet_pb2,
    transmission_pb2,
    transmission_pb2_grpc,
)
from dsc_common.codebook.manifest import ArtifactKind, Manifest
from dsc_common.errors import DeadlineError, DscError
from dsc_common.files.followed import Followed
from dsc_common.observing.call import outgoing_metadata
from dsc_common.radio.link import LinkChoice, LinkReport
from dsc_common.retrieval.options import RetrievalOptions
from dsc_common.retrieval.results import RankedResults
from dsc_common.serving.address import Peer
from dsc_common.serving.client import connect, open_blocking, with_cause
from dsc_common.serving.retrying import call_again_blocking
from dsc_common.serving.status import call_error, is_answer
from dsc_common.wire.channel import link_choice_to_proto, link_report_from_proto
from dsc_common.wire.codebook import artifact_kind_to_proto, manifest_from_proto
from dsc_common.wire.packet import format_to_proto
from dsc_common.wire.retrieval import options_to_proto, results_from_proto
from dsc_device.watchdog import Watchdog

_Reply = TypeVar("_Reply")


class CodebookClient:
    """Client of a server's downloads: manifest, codebook and extractor.

    Args:
        connection: connection to the server.
        server: the server, for error lines.
        timeout_s: time limit of a call with its repetitions, in seconds; a download may take longer while
            it makes progress.
    """

    def __init__(self, connection: grpc.Channel, server: Peer, timeout_s: float) -> None:
        self._stub = codebook_pb2_grpc.CodebookServiceStub(connection)
        self._server = server
        self.timeout_s = timeout_s

    def manifest(self) -> Manifest:
        """The manifest of the server's index.

        Raises:
            DscError: the server does not answer, or the answer is not a valid manifest.
        """
        request = codebook_pb2.GetManifestRequest()

        def call(left_s: float) -> codebook_pb2.GetManifestResponse:
            return self._stub.GetManifest(request, timeout=left_s)

        return manifest_from_proto(_until(self.timeout_s, call, self._server).manifest)

    def download(
        self, codebook_version: str, sha256: str, offset: int = 0, kind: ArtifactKind | None = None
    ) -> Iterator[bytes]:
        """One file in pieces, in order.

        Args:
            codebook_version: version of the manifest.
            sha256: hash of the file in the manifest.
            offset: first byte.
            kind: kind of the artifact, for servers of version 0.2.0, which read no hash.

        Raises:
            UnknownCodebookError: the server no longer holds this version.
            DeadlineError: no piece arrived for `timeout_s` seconds.
            DscError: the server fails, or does not answer.
        """
        request = codebook_pb2.DownloadRequest(
            codebook_version=codebook_version,
            sha256=sha256,
            offset=offset,
            kind=None if kind is None else artifact_kind_to_proto(kind),
        )
        call = self._stub.Download(request)
        watchdog = Watchdog(self.timeout_s, call.cancel)
        try:
            with watchdog:
                for reply in call:
                    watchdog.feed()
                    yield reply.data
        except GeneratorExit:
            call.cancel()
            raise
        except grpc.RpcError as error:
            if watchdog.has_barked:
                raise DeadlineError(f"{self._server} sent nothing for {self.timeout_s:g} s") from error
            raise call_error(error, self._server) from error

    def explained(self, error: DscError) -> DscError:
        """The last error of a download that is given up, with the cause if the server cannot be reached."""
        return with_cause(error, self._server, self.timeout_s)


class ChannelClient:
    """Client of a channel, which forwards packets to a server.

    Args:
        connection: connection to the channel.
        channel: the channel, for error lines.
        timeout_s: time limit of a call, in seconds, with retransmissions, the server's answer, and
            repetitions after failures that may pass.
    """

    def __init__(self, connection: grpc.Channel, channel: Peer, timeout_s: float) -> None:
        self._channel = channel
        self._timeout_s = timeout_s
        self._opened = [connection]
        self._unused = [connection]
        self._stubs = Followed(channel.tls_files, self._stub_of_files)
        self._stubs.current()

    def _stub_of_files(self) -> transmission_pb2_grpc.TransmissionServiceStub:
        """The stub of the first connection, and of a new one when the TLS files have been renewed."""
        if not self._unused:
            self._opened.append(open_blocking(self._channel))
        connection = self._unused.pop() if self._unused else self._opened[-1]
        return transmission_pb2_grpc.TransmissionServiceStub(connection)

    def close(self) -> None:
        """Close its connections."""
        for connection in self._opened:
            connection.close()

    def transmit(
        self,
        data: bytes,
        manifest: Manifest,
        request_id: str,
        sequence: int,
        link: LinkChoice,
        options: RetrievalOptions,
    ) -> tuple[RankedResults, LinkReport]:
        """Send one packet and wait for the answer.

        Args:
            data: the packet.
            manifest: manifest of the codebook that encoded the packet.
            request_id: noise and fading are keyed on it and the link's seed.
            sequence: sequence number of the packet at this device; losses in bursts depend on it.
            link: link settings of this request.
            options: options of the retrieval.

        Returns:
            The server's answer, and the channel's report on the packet.

        Raises:
            DscError: channel or server refuse the packet or do not answer.
        """
        packet = packet_pb2.Packet(
            data=data,
            format=format_to_proto(manifest.format),
            codebook_version=manifest.codebook_version,
        )
        request = transmission_pb2.TransmitRequest(
            request_id=request_id,
            packet=packet,
            channel=link_choice_to_proto(link),
            retrieval=options_to_proto(options),
            sequence=sequence,
        )

        def call(left_s: float) -> transmission_pb2.TransmitResponse:
            return self._stubs.latest().Transmit(
                request, timeout=left_s, wait_for_ready=True, metadata=outgoing_metadata()
            )

        response = _until(self._timeout_s, call, self._channel)
        return results_from_proto(response.results), link_report_from_proto(response.link)


@contextlib.contextmanager
def open_server(server: Peer, wait_s: float) -> Iterator[CodebookClient]:
    """A client of a server, connected; UnreachableError if it does not answer within `wait_s` seconds."""
    with connect(server, wait_s) as connection:
        yield CodebookClient(connection, server, wait_s)


@contextlib.contextmanager
def open_channel(channel: Peer, wait_s: float) -> Iterator[ChannelClient]:
    """A client of a channel, connected; UnreachableError if it does not answer within `wait_s` seconds."""
    with contextlib.closing(ChannelClient(connect(channel, wait_s), channel, wait_s)) as client:
        yield client


def _until(limit_s: float, call: Callable[[float], _Reply], peer: Peer) -> _Reply:
    """The reply of a call, which is repeated after failures that may pass; DscError after the limit."""
    try:
        return call_again_blocking(call, limit_s, np.random.default_rng())
    except grpc.RpcError as error:
        ours = call_error(error, peer, limit_s)
        raise (ours if is_answer(error) else with_cause(ours, peer, limit_s)) from error
