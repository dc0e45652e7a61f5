"""The server's two gRPC services: decode the request, call the core, encode the answer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc

from dsc.v1 import (
    codebook_pb2,
    codebook_pb2_grpc,
    retrieval_pb2,
    retrieval_pb2_grpc,
)
from dsc_common.errors import InvalidInputError, UnknownCodebookError
from dsc_common.observing.laps import Laps
from dsc_common.serving.batches import Batches
from dsc_common.serving.roles import Role
from dsc_common.serving.server import Service
from dsc_common.steps import Steps, timed
from dsc_common.wire.channel import signal_from_proto
from dsc_common.wire.codebook import artifact_kind_from_proto, manifest_to_proto
from dsc_common.wire.packet import format_from_proto
from dsc_common.wire.retrieval import options_from_proto, results_to_proto
from dsc_server.index.files import LoadedIndex
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.receiving.registry import DEFAULT_RECEIVER
from dsc_server.retrieval import retrieve_in_steps
from dsc_server.serving.downloads import Content, Downloads
from dsc_server.serving.outcomes import Outcome, note
from dsc_server.serving.request_limits import DEFAULT_REQUEST_LIMITS, RequestLimits

PIECE_BYTES = 64 << 10  # a connection that breaks off loses at most the piece under way

_Context = grpc.aio.ServicerContext[Any, Any]


def require_version(requested: str, held: LoadedIndex) -> None:
    """Raise UnknownCodebookError, naming both versions, unless the server holds the requested version."""
    if requested != held.manifest.codebook_version:
        raise UnknownCodebookError(
            f"codebook version {requested or '(none)'} is not held here; "
            f"this server holds {held.manifest.codebook_version}"
        )


class CodebookService(codebook_pb2_grpc.CodebookServiceServicer):
    """Offers the manifest, the codebook and the extractor for download."""

    def __init__(self, loaded: LoadedIndex) -> None:
        self._loaded = loaded
        self._downloads = Downloads(loaded)
        manifest = manifest_to_proto(self._downloads.offer)
        self._manifest = codebook_pb2.GetManifestResponse(manifest=manifest)

    async def GetManifest(
        self, request: codebook_pb2.GetManifestRequest, context: _Context
    ) -> codebook_pb2.GetManifestResponse:
        """The manifest of the index."""
        return self._manifest

    async def Download(
        self, request: codebook_pb2.DownloadRequest, context: _Context
    ) -> AsyncIterator[codebook_pb2.DownloadResponse]:
        """One file in pieces, from the requested offset."""
        require_version(request.codebook_version, self._loaded)
        if request.sha256:
            content = self._downloads.of_hash(request.sha256)
        else:
            content = self._downloads.of_kind(artifact_kind_from_proto(request.kind))
        if request.offset > len(content):
            raise InvalidInputError(f"expected an offset up to {len(content)}, got {request.offset}")
        async for piece in _pieces(content, request.offset):
            yield piece


async def _pieces(content: Content, start: int) -> AsyncIterator[codebook_pb2.DownloadResponse]:
    for offset in range(start, len(content), PIECE_BYTES):
        data = await asyncio.to_thread(content.__getitem__, slice(offset, offset + PIECE_BYTES))
        yield codebook_pb2.DownloadResponse(offset=offset, data=data)


class RetrievalService(retrieval_pb2_grpc.RetrievalServiceServicer):
    """Answers received signals with ranked images; work runs in threads, so health checks still answer."""

    def __init__(
        self,
        loaded: LoadedIndex,
        work: Batches,
        receiver: str,
        limits: SearchLimits,
        outcome: Outcome | None = None,
        request_limits: RequestLimits = DEFAULT_REQUEST_LIMITS,
    ) -> None:
        self._loaded = loaded
        self._request_limits = request_limits
        self._work = work
        self._receiver = receiver
        self._limits = limits
        self._outcome = outcome

    async def Retrieve(
        self, request: retrieval_pb2.RetrieveRequest, context: _Context
    ) -> retrieval_pb2.RetrieveResponse:
        """Decode the signals, rank the images, answer."""
        self._work.require_room(context.time_remaining())
        laps = Laps()
        response = await self._work.run_steps(
            laps.of_steps(self._answer(request), ("decode", "rank"), "demodulate")
        )
        note(laps, response.results, len(request.signals))
        if self._outcome is not None:
            self._outcome(response.results, len(request.signals))
        return response

    def _answer(self, request: retrieval_pb2.RetrieveRequest) -> Steps[retrieval_pb2.RetrieveResponse]:
        results, seconds = yield from timed(self._results(request))
        results.server_ms = 1e3 * seconds
        return retrieval_pb2.RetrieveResponse(results=results)

    def _results(self, request: retrieval_pb2.RetrieveRequest) -> Steps[retrieval_pb2.RankedResults]:
        loaded = self._loaded
        require_version(request.codebook_version, loaded)
        loaded.features_file.require_unchanged()
        fmt = format_from_proto(request.format)
        if fmt != loaded.index.format:
            raise InvalidInputError(f"expected a packet of shape {loaded.index.format.key}, got {fmt.key}")
        self._request_limits.require([len(signal.samples) for signal in request.signals])
        signals = [signal_from_proto(signal) for signal in request.signals]
        options = options_from_proto(request.options)
        options = replace(options, receiver=options.receiver or self._receiver)
        return results_to_proto(
            (yield from retrieve_in_steps(loaded.index, loaded.catalogue, signals, options, self._limits))
        )


def services(
    loaded: LoadedIndex,
    work: Batches,
    receiver: str = DEFAULT_RECEIVER,
    limits: SearchLimits = DEFAULT_LIMITS,
    outcome: Outcome | None = None,
    request_limits: RequestLimits = DEFAULT_REQUEST_LIMITS,
) -> list[Service]:
    """Both services of a loaded index.

    Args:
        loaded: the index.
        work: threads that decode and rank.
        receiver: receiver for requests that name none.
        limits: bounds on the work of one query.
        outcome: is called with each answer, and the number of signals that it was decoded from.
        request_limits: bounds on the size of one request.
    """
    codebook, retrieval = codebook_pb2.DESCRIPTOR, retrieval_pb2.DESCRIPTOR
    return [
        Service(
            codebook.services_by_name["CodebookService"].full_name,
            codebook_pb2_grpc.add_CodebookServiceServicer_to_server,
            CodebookService(loaded),
            role=Role.DEVICE,
        ),
        Service(
            retrieval.services_by_name["RetrievalService"].full_name,
            retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server,
            RetrievalService(loaded, work, receiver, limits, outcome, request_limits),
            role=Role.READ,
        ),
    ]
