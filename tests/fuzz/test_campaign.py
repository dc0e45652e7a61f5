"""A short campaign of each layer, with the seed of the run; `make fuzz` is the long one."""

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from dsc.v1 import codebook_pb2_grpc, retrieval_pb2
from dsc_common.serving.roles import Role
from dsc_common.serving.server import Service
from dsc_server.index.files import read_index
from dsc_server.serving.services import CodebookService
from fuzz import sockets
from fuzz.campaign import HANG_S, inputs, run
from fuzz.edge import Edge
from fuzz.guided import input_of
from fuzz.inputs import Input, read_inputs, write_inputs
from fuzz.oracle import fault_of_results, fault_of_status
from fuzz.seeds import KINDS, MANIFEST
from fuzz.system import System, build_indexes, system_of

SCHEMES = ("dsc", "dsc-pq", "dsc-pq+set+scrambled+fused", "hybrid+D=16")
RUNS, SOCKET_RUNS = 1500, 300


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build_indexes(tmp_path_factory.mktemp("indexes"), SCHEMES)


@pytest.fixture(scope="module")
def system(indexes: dict[str, Path]) -> Iterator[System]:
    with system_of(indexes, with_ldpc=False) as system:
        yield system


@pytest.fixture(scope="module")
def seed(request: pytest.FixtureRequest) -> str:
    """That of the property tests, or a random one."""
    return str(request.config.getoption("--hypothesis-seed") or secrets.randbelow(2**32))


@pytest.mark.hypothesis
def test_every_mutated_input_has_a_proper_answer(seed: str, system: System, tmp_path: Path) -> None:
    report = asyncio.run(run(system, seed, RUNS, tmp_path, input_s=HANG_S))
    assert not report.faults, "\n".join((f"seed {seed}", *report.faults.values()))
    assert report.runs == RUNS
    assert report.statuses["OK"] > 0
    assert report.statuses["INVALID_ARGUMENT"] > 0
    assert report.statuses["UNAUTHENTICATED"] > 0


@pytest.mark.hypothesis
def test_processes_answer_mutated_inputs_over_sockets(
    seed: str, indexes: dict[str, Path], tmp_path: Path
) -> None:
    report = sockets.run(indexes["dsc"], seed, SOCKET_RUNS, tmp_path)
    assert not report.faults, "\n".join((f"seed {seed}", *report.faults.values()))
    assert report.runs == SOCKET_RUNS


def test_valid_requests_of_every_method_are_answered(system: System) -> None:
    answered = set()
    for each in system.seeds:
        answer = asyncio.run(system.answer(each))
        if answer.code.name == "OK":
            answered.add(each.method)
    assert answered == {method for method in KINDS if not method.endswith("/Nothing")}


def test_inputs_are_read_as_written(system: System, tmp_path: Path) -> None:
    source = inputs(system.seeds, "3")
    some = [next(source) for _ in range(100)]
    assert any(isinstance(value, bytes) for each in some for _, value in each.metadata)
    write_inputs(tmp_path / "inputs.jsonl", some)
    assert read_inputs(tmp_path / "inputs.jsonl") == some


def test_bytes_of_guided_fuzzing_select_and_change_a_request(system: System) -> None:
    same = input_of(system.seeds, b"")
    assert same in system.seeds
    changed = input_of(system.seeds, bytes([0, 0, 0, 0, 1]) + b"\xff")
    assert changed.data != same.data
    assert changed.method == same.method


def test_the_same_seed_gives_the_same_inputs(system: System) -> None:
    def first(seed: str) -> list[Input]:
        source = inputs(system.seeds, seed)
        return [next(source) for _ in range(50)]

    assert first("1") == first("1")
    assert first("1") != first("2")


class _Faulty(CodebookService):
    """Fails in ways that the campaign must find."""

    async def GetManifest(self, request: Any, context: Any) -> Any:
        raise KeyError("something inside")


def test_a_fault_is_found_and_kept_for_a_replay(
    indexes: dict[str, Path], system: System, tmp_path: Path
) -> None:
    loaded = read_index(indexes["dsc"])
    add = codebook_pb2_grpc.add_CodebookServiceServicer_to_server
    faulty = Edge([Service("dsc.v1.CodebookService", add, _Faulty(loaded), role=Role.READ)])
    seeds = [each for each in system.seeds if (each.scheme, each.method) == ("dsc", MANIFEST)]
    report = asyncio.run(run(System({("server", "dsc"): faulty}, seeds), "1", 32, tmp_path))
    (line,) = report.faults.values()
    assert "status INTERNAL" in line
    assert "KeyError: 'something inside'" in line
    (kept,) = read_inputs(tmp_path / "fault-0.jsonl")
    assert (kept.role, kept.method) == ("server", MANIFEST)
    assert asyncio.run(faulty.call(kept.method, kept.data)).code.name == "INTERNAL"


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("UNKNOWN", "Unexpected <class 'ValueError'>"),
        ("INTERNAL", "internal error"),
        ("INVALID_ARGUMENT", ""),
        ("INVALID_ARGUMENT", "two\nlines"),
        ("INVALID_ARGUMENT", "expected array([1, 2])"),
        ("INVALID_ARGUMENT", "x" * 10_000),
        ("OK", "a line"),
    ],
)
def test_improper_statuses_are_faults(code: str, details: str) -> None:
    assert fault_of_status(grpc.StatusCode[code], details)


def test_improper_results_are_faults() -> None:
    def results(*scores: float, confidence: float = 1.0) -> Any:
        images = [
            retrieval_pb2.RankedImage(rank=rank, image_id=str(rank), score=score)
            for rank, score in enumerate(scores, start=1)
        ]
        return retrieval_pb2.RankedResults(images=images, confidence=confidence)

    assert not fault_of_results(results(0.9, 0.5))
    for improper in (results(float("nan")), results(0.5, 0.9), results(0.5, confidence=1.5)):
        assert fault_of_results(improper)
