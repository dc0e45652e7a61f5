"""A server whose index files are overwritten in place: it lives, and says what is wrong."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from dsc.v1 import codebook_pb2, codebook_pb2_grpc, retrieval_pb2, transmission_pb2, transmission_pb2_grpc
from dsc_common.errors import DamagedIndexError
from dsc_common.steps import finished
from dsc_server.index.files import read_index
from dsc_server.index.kept_file import KeptFile
from dsc_server.index.search_limits import DEFAULT_LIMITS
from dsc_server.serving.services import RetrievalService
from helpers.real_processes import System, packet_of, start_channel, start_server


def test_truncated_files_do_not_end_the_server(system: System, tmp_path: Path) -> None:
    index = tmp_path / "index"
    shutil.copytree(system.index, index)
    model = (index / "model.onnx").read_bytes()
    loaded = read_index(system.index)
    with start_server(index) as server, start_channel(server.address) as channel:
        for file in index.iterdir():
            os.truncate(file, 0)
        with grpc.insecure_channel(server.address) as connection:
            request = codebook_pb2.DownloadRequest(
                codebook_version=loaded.manifest.codebook_version,
                kind=codebook_pb2.ARTIFACT_KIND_MODEL,
            )
            stub = codebook_pb2_grpc.CodebookServiceStub(connection)
            assert b"".join(reply.data for reply in stub.Download(request, timeout=60)) == model
        with grpc.insecure_channel(channel.address) as connection:
            sent = transmission_pb2.TransmitRequest(packet=packet_of(loaded, [1, 2, 3, 4, 5]))
            reply = transmission_pb2_grpc.TransmissionServiceStub(connection).Transmit(sent, timeout=60)
            assert reply.results.server_ms > 0
        assert server.returncode is None


def test_features_that_change_under_a_memory_map_end_queries(system: System, tmp_path: Path) -> None:
    index = tmp_path / "index"
    shutil.copytree(system.index, index)
    loaded = read_index(index)
    mapped = KeptFile(index / "features.npy", loaded.manifest.files["features.npy"], in_memory_bytes=0)
    loaded = replace(loaded, features_file=mapped)
    os.truncate(index / "features.npy", 0)
    service = RetrievalService(loaded, None, "joint", DEFAULT_LIMITS)
    version = loaded.manifest.codebook_version
    request = retrieval_pb2.RetrieveRequest(codebook_version=version)
    with pytest.raises(DamagedIndexError, match=r"features\.npy was changed while it is in use"):
        finished(service._answer(request))
