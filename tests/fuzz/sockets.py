"""Mutated requests over sockets, to a server and a channel that are processes."""

import asyncio
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import grpc

from dsc_server.index.files import read_index
from fuzz.campaign import GROWTH_MIB, INPUT_S, Report, inputs
from fuzz.edge import MAX_MESSAGES
from fuzz.inputs import Input, write_inputs
from fuzz.oracle import fault_of_status
from fuzz.seeds import DOWNLOAD, HEALTH, REFLECTION, WATCH, seeds_of
from fuzz.system import MAX_LATENCY_MS, MAX_RESENDS
from helpers.process_state import resident_mib
from helpers.real_processes import Running, start_channel, start_server

AT_ONCE = 16
GARBAGE_EVERY = 4  # groups: a connection of each service gets other bytes than HTTP/2
WARM_UP = 2_000
LIMIT_S = 60.0
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_BAD_WORDS = ("Traceback", "request failed", "Warning", "Error")


def run(index: Path, seed: str, runs: int, out: Path) -> Report:
    """Send so many inputs to a server and a channel that serve an index of the scheme `dsc`."""
    report = Report()
    with _services(index) as services:
        begun = time.perf_counter()
        asyncio.run(_send(services, index, seed, runs, out, report))
        report.seconds = time.perf_counter() - begun
        for service in (services.server, services.channel):
            if service.returncode is not None:
                report.faults[service.name] = f"{service.name} ended with {service.returncode}"
            for line in service.stderr_lines:
                if any(word in line for word in _BAD_WORDS):
                    report.faults.setdefault(f"{service.name} printed", f"{service.name} printed: {line}")
    if report.end_mib - report.warm_mib > 2 * GROWTH_MIB:
        report.faults["memory"] = f"memory grew from {report.warm_mib:.0f} to {report.end_mib:.0f} MiB"
    return report


@contextmanager
def _services(index: Path) -> Iterator[Running]:
    bounds = {
        "DSC_CHANNEL_MAX_LATENCY_MS": f"{MAX_LATENCY_MS:g}",
        "DSC_CHANNEL_MAX_RESENDS": str(MAX_RESENDS),
        "DSC_CHANNEL_RESENDS": "0",
        "DSC_CHANNEL_MAX_REQUESTS_PER_S": "0",
        "DSC_SERVER_MAX_REQUESTS_PER_S": "0",
    }
    with (
        patch.dict("os.environ", bounds),
        start_server(index) as server,
        start_channel(server.address) as channel,
    ):
        yield Running(server, channel)


async def _send(services: Running, index: Path, seed: str, runs: int, out: Path, report: Report) -> None:
    is_long = runs > WARM_UP
    seeds = seeds_of("dsc", read_index(index), with_ldpc=is_long)
    source = inputs(seeds, f"{seed}-sockets")
    rng = random.Random(f"{seed}-garbage")
    async with (
        grpc.aio.insecure_channel(services.server.address) as server,
        grpc.aio.insecure_channel(services.channel.address) as channel,
    ):
        to = {"server": server, "channel": channel}
        if is_long:  # what is loaded once is loaded before memory is measured
            for each in seeds:
                await _answer(to[each.role], each)
        while report.runs < runs:
            group = [next(source) for _ in range(min(AT_ONCE, runs - report.runs))]
            await asyncio.gather(*(_one(to[each.role], each, out, report) for each in group))
            before, report.runs = report.runs, report.runs + len(group)
            if report.runs // AT_ONCE % GARBAGE_EVERY == 0:
                for service in (services.server, services.channel):
                    await asyncio.to_thread(_garbage, service.address, rng)
            if before < WARM_UP <= report.runs:
                report.warm_mib = _memory(services)
        for connection in to.values():
            await connection.unary_unary(HEALTH)(b"", timeout=LIMIT_S)
    report.end_mib = _memory(services)


def _memory(services: Running) -> float:
    return resident_mib(services.server.pid) + resident_mib(services.channel.pid)


async def _one(connection: grpc.aio.Channel, each: Input, out: Path, report: Report) -> None:
    begun = time.perf_counter()
    code, details = await _answer(connection, each)
    seconds = time.perf_counter() - begun
    report.slowest_s = max(report.slowest_s, seconds)
    report.statuses[code.name] += 1
    found = fault_of_status(code, details) or (f"took {seconds:.1f} s" if seconds > INPUT_S else "")
    kind = f"{each.method} {found[:60]}"
    if found and kind not in report.faults:
        out.mkdir(parents=True, exist_ok=True)
        file = out / f"socket-fault-{len(report.faults)}.jsonl"
        write_inputs(file, [each])
        report.faults[kind] = f"{file}: {each.role} {each.method}: {found}"


async def _answer(connection: grpc.aio.Channel, each: Input) -> tuple[grpc.StatusCode, str]:
    try:
        if each.method in {DOWNLOAD, WATCH, REFLECTION}:  # a stream of one request is sent as a request
            streamed = connection.unary_stream(each.method)
            await _read(streamed(each.data, metadata=each.metadata, timeout=LIMIT_S), each.method)
        else:
            single: Any = connection.unary_unary(each.method)
            await single(each.data, metadata=each.metadata, timeout=LIMIT_S)
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


async def _read(call: Any, method: str) -> None:
    """Read some messages, then cancel: a watch does not end by itself."""
    most = 1 if method == WATCH else MAX_MESSAGES
    count = 0
    async for _ in call:
        count += 1
        if count == most:
            call.cancel()
            return


def _garbage(address: str, rng: random.Random) -> None:
    """Send bytes that are no HTTP/2, or are only at their beginning."""
    host, _, port = address.rpartition(":")
    begin = rng.choice((b"", PREFACE[: rng.randrange(24)], PREFACE, PREFACE + b"\0\0\0\4\0\0\0\0\0"))
    with suppress(OSError), socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(begin + rng.randbytes(rng.choice((0, 9, 300, 20_000))))
