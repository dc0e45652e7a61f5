"""A connection to a server of codebooks that need not tell the truth, without any network."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import grpc

from dsc.v1 import codebook_pb2
from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.file import codebook_to_bytes
from dsc_common.codebook.manifest import Artifact, ArtifactKind, CodebookParts, Manifest
from dsc_common.codebook.parts import codewords_to_bytes, words_file
from dsc_common.wire.codebook import artifact_kind_from_proto, manifest_to_proto


class CallFailed(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode) -> None:
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "failed to connect to all addresses"

    def trailing_metadata(self) -> tuple[Any, ...]:
        return ()


@dataclass
class Call:
    """A streaming call."""

    pieces: Iterator[codebook_pb2.DownloadResponse]
    cancelled: bool = False

    def __iter__(self) -> Iterator[codebook_pb2.DownloadResponse]:
        return self.pieces

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class FakeServer:
    """A connection to a server that need not tell the truth."""

    artifacts: dict[ArtifactKind, bytes]
    manifest: Manifest
    piece_bytes: int = 1000
    fails_after: int | None = None  # pieces of each call
    fails: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    files: dict[str, bytes] = field(default_factory=dict)  # that are asked for by hash alone
    downloads: list[ArtifactKind | str] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    manifests: int = 0

    def unary_unary(self, method: str, **_options: object) -> Callable[..., Any]:
        assert method == "/dsc.v1.CodebookService/GetManifest"
        return self._get_manifest

    def _get_manifest(self, _request: object, **_call: object) -> codebook_pb2.GetManifestResponse:
        self.manifests += 1
        return codebook_pb2.GetManifestResponse(manifest=manifest_to_proto(self.manifest))

    def unary_stream(self, method: str, **_options: object) -> Callable[..., Any]:
        assert method == "/dsc.v1.CodebookService/Download"
        return lambda request, **_call: Call(self._pieces(request))

    def _pieces(self, request: codebook_pb2.DownloadRequest) -> Iterator[codebook_pb2.DownloadResponse]:
        if request.codebook_version != self.manifest.codebook_version:
            raise CallFailed(grpc.StatusCode.FAILED_PRECONDITION)
        wanted = artifact_kind_from_proto(request.kind) if request.kind else request.sha256
        self.downloads.append(wanted)
        self.offsets.append(request.offset)
        data = self.artifacts[wanted] if isinstance(wanted, ArtifactKind) else self.files[wanted]
        for number, offset in enumerate(range(request.offset, len(data), self.piece_bytes)):
            if number == self.fails_after:
                raise CallFailed(self.fails)
            yield codebook_pb2.DownloadResponse(
                offset=offset, data=self.sent(data[offset : offset + self.piece_bytes])
            )

    def sent(self, piece: bytes) -> bytes:
        """What arrives of a piece."""
        return piece

    def offer_in_parts(self, codebook: Codebook, version: str) -> None:
        """Replace the codebook that the server holds by another, also in parts."""
        whole = codebook_to_bytes(codebook)
        self.artifacts[ArtifactKind.CODEBOOK] = whole
        contents = [codewords_to_bytes(codebook)]
        contents += [words_file(codebook, label)[:] for label in range(codebook.num_partitions)]
        files = [file_of(content) for content in contents]
        self.files = {file.sha256: content for file, content in zip(files, contents, strict=True)}
        offered = {**self.manifest.artifacts, ArtifactKind.CODEBOOK: file_of(whole)}
        parts = CodebookParts(files[0], tuple(files[1:]))
        self.manifest = replace(self.manifest, codebook_version=version, artifacts=offered, parts=parts)


def file_of(content: bytes) -> Artifact:
    """Size and hash of a file."""
    return Artifact(len(content), hashlib.sha256(content).hexdigest())
