"""Commands and services inside the process of the tests: what they print and answer, without starting Python.

A test that is about processes (signals, exit codes, which stream a line goes to) uses `real_processes`.
"""

import asyncio
import contextlib
import importlib
import io
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn
from unittest.mock import patch

import grpc

from dsc_channel.caps import LinkCaps
from dsc_channel.services import services as channel_services
from dsc_common.radio.link import LinkSettings
from dsc_common.serving.address import Peer
from dsc_common.serving.batches import batches_in_threads
from dsc_common.serving.server import Service
from dsc_server.index.files import read_index
from dsc_server.serving.services import services as server_services

THREADS = 4
SERVER_WAIT_S = 120.0
MAX_MESSAGE_BYTES = 1 << 20
ANY_PORT = "127.0.0.1:0"


def run(module: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the project to its end by its `main()`; its output is text."""
    main = importlib.import_module(f"{module}.main").main
    command = [module, *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    with (
        _signal_handlers_kept(),
        patch.object(sys, "argv", command),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = _exit_code(main)
    return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())


def _exit_code(main: Callable[[], NoReturn]) -> int:
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)


@contextlib.contextmanager
def _signal_handlers_kept() -> Iterator[None]:
    """Put back the handlers that a command replaces: Ctrl-C is still pytest's."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def server_and_channel(
    index: Path, server_at: str = ANY_PORT, channel_at: str = ANY_PORT
) -> Iterator[tuple[str, str]]:
    """Serve an index, and a channel in front of it, with their default settings: HOST:PORT of each."""
    with (
        batches_in_threads(THREADS) as work,
        _serving(server_services(read_index(index), work), server_at) as server,
    ):
        channel = channel_services(Peer("server", server), LinkSettings(), LinkCaps(), SERVER_WAIT_S, work)
        with _serving(channel, channel_at) as address:
            yield server, address


@contextlib.contextmanager
def _serving(services: Sequence[Service], listen: str) -> Iterator[str]:
    loop = _loop()

    async def start() -> tuple[grpc.aio.Server, str]:
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)])
        for service in services:
            service.add(service.servicer, server)
        port = server.add_insecure_port(listen)
        await server.start()
        return server, f"127.0.0.1:{port}"

    server, address = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield address
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(None), loop).result()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One event loop for all services, in a thread of its own: gRPC's servers share a poller."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="services", daemon=True).start()
    return loop
