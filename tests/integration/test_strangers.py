"""What clients without rights can make of a server with tokens, with bytes that no library sends."""

import struct
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from dsc.v1 import codebook_pb2, codebook_pb2_grpc
from dsc_demo.processes import ServiceProcess
from helpers.in_process import run
from helpers.raw_http2 import DATA, PREFACE, SETTINGS, call_headers, call_message, connect, frame, next_end
from helpers.real_processes import System, start_server

MANIFEST = "/dsc.v1.CodebookService/GetManifest"
RETRIEVE = "/dsc.v1.RetrievalService/Retrieve"
GREETING = PREFACE + frame(SETTINGS)
LARGE = 8 << 20
MOST_LOG_BYTES = 20_000


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file of tokens, and the one in it."""
    path = tmp_path_factory.mktemp("tokens") / "tokens.json"
    added = run("dsc_server", "token", "add", "camera", "--role", "device", "--tokens", path)
    assert added.returncode == 0, added.stderr
    return path, added.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def server(system: System, tokens: tuple[Path, str]) -> Iterator[ServiceProcess]:
    with start_server(system.index, "--tokens", tokens[0]) as service:
        yield service


def is_served(server: ServiceProcess, token: str) -> bool:
    with grpc.insecure_channel(server.address) as connection:
        stub = codebook_pb2_grpc.CodebookServiceStub(connection)
        metadata = (("authorization", f"Bearer {token}"),)
        reply = stub.GetManifest(codebook_pb2.GetManifestRequest(), metadata=metadata, timeout=60)
        return bool(reply.manifest.num_images)


@pytest.mark.parametrize("name", ["authorization", "x-a", "traceparent"])
def test_bytes_in_a_header_are_no_lines_of_the_log(
    server: ServiceProcess, tokens: tuple[Path, str], name: str
) -> None:
    """As gRPC takes them for Latin-1 and logs them; one of them follows a token that is right."""
    token = tokens[1]
    with connect(server.address, GREETING) as connection:
        for number in range(10):
            stream = 2 * number + 1
            headers = call_headers(MANIFEST, stream, (name, f"Bearer {token}\x7f"))
            connection.sendall(headers.replace(b"\x7f", b"\xa0") + call_message(b"", stream))
            assert next_end(connection) == stream
    assert is_served(server, token)
    log = "\n".join(server.stderr_lines)
    assert token not in log
    assert len(log) < MOST_LOG_BYTES


def test_the_request_of_a_call_without_a_token_is_not_read(
    server: ServiceProcess, tokens: tuple[Path, str]
) -> None:
    """It is refused before its message has come, so nothing is kept of a large one."""
    with connect(server.address, GREETING) as connection:
        for number in range(200):
            stream = 2 * number + 1
            begun = frame(DATA, b"\0" + struct.pack(">I", LARGE) + bytes(100), 0, stream)
            connection.sendall(call_headers(RETRIEVE, stream) + begun)
            while next_end(connection) != stream:
                pass  # a reset of the one before, after its status
    assert is_served(server, tokens[1])
