"""Clients that misbehave: others are served meanwhile, and afterwards nothing of them remains."""

import contextlib
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle

import grpc
import pytest

from dsc.v1 import transmission_pb2, transmission_pb2_grpc
from dsc_common.serving.arrival import CARELESS
from dsc_server.index.files import read_index
from helpers.process_state import descriptors, resident_mib
from helpers.raw_http2 import (
    ACK,
    CONTINUATION,
    DATA,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    call_headers,
    call_message,
    connect,
    frame,
    is_closed,
    next_end,
)
from helpers.real_processes import Running, System, packet_of, start_channel, start_server

WAIT_S = 30.0  # the ordinary wait of a device
LIMIT_S = 60.0
GROWTH_MIB = 64.0
CHECK = "/grpc.health.v1.Health/Check"
DOWNLOAD = "/dsc.v1.CodebookService/Download"
GREETING = PREFACE + frame(SETTINGS) + frame(SETTINGS, flags=ACK)
# SETTINGS_INITIAL_WINDOW_SIZE: the other side may not send a byte of an answer.
CLOSED_WINDOW = PREFACE + frame(SETTINGS, struct.pack(">HI", 4, 0)) + frame(SETTINGS, flags=ACK)
MANY = 2000

Attack = Callable[[str], Iterator[None]]


@pytest.fixture(scope="module")
def attacked(system: System) -> Iterator[Running]:
    """A server and a channel that have a second of patience."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DSC_SERVER_STALL_S", "1")
        patch.setenv("DSC_CHANNEL_STALL_S", "1")
        with start_server(system.index) as server, start_channel(server.address) as channel:
            yield Running(server, channel)


@pytest.fixture(scope="module")
def query(system: System, attacked: Running) -> Callable[[], None]:
    """Sends a packet on a new connection; fails unless it is answered within the wait of a device."""
    request = transmission_pb2.TransmitRequest(packet=packet_of(read_index(system.index), [1, 2, 3, 4, 5]))

    def send() -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(attacked.channel.address, options=options) as connection:
            stub = transmission_pb2_grpc.TransmissionServiceStub(connection)
            assert stub.Transmit(request, timeout=WAIT_S).link.channel_uses > 0

    send()
    return send


def connections_without_a_byte(address: str) -> Iterator[None]:
    with connected(address, MANY) as opened:
        yield
        assert all(map(is_closed, opened))


def connections_with_half_a_greeting(address: str) -> Iterator[None]:
    with connected(address, MANY // 4, PREFACE[:10]) as opened:
        yield
        assert all(map(is_closed, opened))


def connections_that_only_greet(address: str) -> Iterator[None]:
    with connected(address, MANY, GREETING):
        yield


def calls_without_a_message(address: str) -> Iterator[None]:
    """More streams of one connection than it may have; most of those that it has are ended after a while."""
    with connected(address, 1, GREETING) as (connection,):
        for number in range(MANY):
            connection.sendall(call_headers(CHECK, 2 * number + 1))
        yield
        ended: set[int] = set()
        while len(ended) < MANY - CARELESS:
            ended.add(next_end(connection))


def requests_byte_by_byte(address: str) -> Iterator[None]:
    calls = 2 * CARELESS
    with connected(address, 1, GREETING) as (connection,):
        for number in range(calls):
            stream = 2 * number + 1
            half = frame(DATA, b"\0" + struct.pack(">I", 500) + b"\x0a", 0, stream)
            connection.sendall(call_headers(CHECK, stream) + half)
        yield
        ended = set()
        while len(ended) < calls - CARELESS:
            ended.add(next_end(connection))
            going = [2 * number + 1 for number in range(calls) if 2 * number + 1 not in ended]
            connection.sendall(b"".join(frame(DATA, b"\x0a", 0, stream) for stream in going))


def answers_that_nobody_takes(address: str) -> Iterator[None]:
    calls = 2 * CARELESS
    with connected(address, 1, CLOSED_WINDOW) as (connection,):
        for number in range(calls):
            stream = 2 * number + 1
            connection.sendall(call_headers(CHECK, stream) + call_message(b"", stream))
        yield


def resets_in_the_middle(address: str) -> Iterator[None]:
    """Connections that end with RST while their calls are under way."""
    with connected(address, 300, CLOSED_WINDOW + call_headers(CHECK, 1) + call_message(b"", 1)) as opened:
        for connection in opened:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        yield


def a_client_that_is_killed(address: str) -> Iterator[None]:
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[2]); from helpers.raw_http2 import *\n"
        f"begin = {CLOSED_WINDOW!r} + call_headers({DOWNLOAD!r}, 1) + call_message(b'', 1)\n"
        "opened = [connect(sys.argv[1], begin) for _ in range(100)]\n"
        "print('ready', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, address, str(__file__).rpartition("/integration")[0]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "ready\n"
        client.send_signal(signal.SIGKILL)
        yield


def headers_without_end(address: str) -> Iterator[None]:
    """HEADERS, then CONTINUATION after CONTINUATION."""
    with connected(address, 1, GREETING + frame(HEADERS, b"", 0, 1)) as (connection,):
        piece = frame(CONTINUATION, (b"\0\1x\x7f\x80\x7f" + b"y" * 16_255)[:16_384], 0, 1)
        with contextlib.suppress(ConnectionError, TimeoutError):
            for _ in range(4000):
                connection.sendall(piece)
            pytest.fail("64 MB of headers were taken")
        yield


def pings_without_end(address: str) -> Iterator[None]:
    with connected(address, 1, GREETING) as (connection,):
        with contextlib.suppress(ConnectionError):
            for _ in range(10_000):
                connection.sendall(frame(PING, bytes(8)))
        yield
        assert is_closed(connection)


def settings_without_end(address: str) -> Iterator[None]:
    with connected(address, 1, GREETING) as (connection,):
        with contextlib.suppress(ConnectionError, TimeoutError):
            for _ in range(MANY):
                connection.sendall(frame(SETTINGS, struct.pack(">HI", 4, 65_535)) * 10)
        yield


def calls_that_are_reset_at_once(address: str) -> Iterator[None]:
    with connected(address, 1, GREETING) as (connection,):
        with contextlib.suppress(ConnectionError, TimeoutError):
            for number in range(5 * MANY):
                stream = 2 * number + 1
                reset = frame(RST_STREAM, struct.pack(">I", 8), 0, stream)
                connection.sendall(call_headers(CHECK, stream) + reset)
        yield


def connections_that_come_and_go(address: str) -> Iterator[None]:
    for _ in range(MANY):
        connect(address, GREETING).close()
    yield


ATTACKS: list[Attack] = [
    connections_without_a_byte,
    connections_with_half_a_greeting,
    connections_that_only_greet,
    calls_without_a_message,
    requests_byte_by_byte,
    answers_that_nobody_takes,
    resets_in_the_middle,
    a_client_that_is_killed,
    headers_without_end,
    pings_without_end,
    settings_without_end,
    calls_that_are_reset_at_once,
    connections_that_come_and_go,
]


@pytest.mark.parametrize(("attack", "role"), list(zip(ATTACKS, cycle(("server", "channel")), strict=False)))
def test_others_are_served_and_nothing_remains(
    attack: Attack, role: str, attacked: Running, query: Callable[[], None]
) -> None:
    service = getattr(attacked, role)
    held, memory = descriptors(service.pid), resident_mib(service.pid)
    with contextlib.contextmanager(attack)(service.address):
        query()
    query()
    until(lambda: descriptors(service.pid) <= held + 5, f"{descriptors(service.pid)} descriptors")
    assert resident_mib(service.pid) < memory + GROWTH_MIB
    assert service.returncode is None
    printed = "\n".join(service.stderr_lines)
    assert "Traceback" not in printed, printed


def test_metadata_beyond_the_limit_are_refused(attacked: Running) -> None:
    with grpc.insecure_channel(attacked.server.address) as connection, pytest.raises(grpc.RpcError) as caught:
        connection.unary_unary(CHECK)(b"", metadata=(("x", "y" * 60_000),), timeout=LIMIT_S)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@contextlib.contextmanager
def connected(address: str, count: int, first: bytes = b"") -> Iterator[list[socket.socket]]:
    """Connections that have sent some bytes."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connect(address, first, LIMIT_S)) for _ in range(count)]


def until(condition: Callable[[], bool], what: str) -> None:
    """Poll a condition of another process."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
