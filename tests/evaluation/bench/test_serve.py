"""`dsc-eval bench serve`: rows that follow from the reports, cores, and processes that do not start."""

from pathlib import Path

import pytest

from dsc_common.errors import DscError, InvalidInputError
from dsc_common.serving.address import Peer
from dsc_eval.bench.serve import Point, ServeSettings, rows_of
from dsc_eval.bench.serving_bed import Measured
from dsc_eval.experiments.settings import validated
from dsc_eval.load.calling import Method, Target
from dsc_eval.load.closed_loop import Plan
from dsc_eval.load.cores import assigned, available_cores, on_cores
from dsc_eval.load.report import LoadReport
from dsc_eval.load.services import running_generator, running_service


def _measured(per_second: float, p50_ms: float | None = 1.0, errors: int = 0) -> Measured:
    statuses = {"OK": int(per_second), "UNAVAILABLE": errors}
    answered = int(per_second)
    report = LoadReport(
        *(4, 1.0, answered, per_second, p50_ms, p50_ms, p50_ms, p50_ms, errors, statuses),
        generator_cpu_ms=0.25,
        generator_busy=0.5,
        sent=answered + errors,
    )
    return Measured(report, server_cpu_ms=1e3 / max(1, answered), channel_cpu_ms=0.0)


def test_rows_have_medians_of_runs_and_fractions_of_the_same_run() -> None:
    measured = {
        Point(5.0, 4, Method.EMPTY): [_measured(rate) for rate in (1000, 2000, 1500)],
        Point(5.0, 4, Method.RETRIEVE): [
            _measured(500, 2.0),
            _measured(400, 4.0, errors=3),
            _measured(600, 9.0),
        ],
    }
    empty, retrieve = rows_of(measured)
    assert (empty["call"], empty["of_empty"], empty["per_second"]) == ("empty", 1.0, 1500)
    assert retrieve["per_second"] == 500
    assert (retrieve["per_second_min"], retrieve["per_second_max"]) == (400, 600)
    assert retrieve["of_empty"] == 0.4  # the median of 0.5, 0.2 and 0.4
    assert (retrieve["p50_ms"], retrieve["max_ms"]) == (4.0, 9.0)
    assert (retrieve["answered"], retrieve["errors"], retrieve["runs"]) == (1500, 3, 3)
    assert retrieve["server_cpu_ms"] == 2.0


def test_a_run_without_answers_has_no_latency() -> None:
    points = {Point(0.0, 1, method): [_measured(0, None, errors=9)] for method in Method}
    for row in rows_of(points):
        assert (row["p50_ms"], row["per_second"], row["of_empty"]) == ("", 0.0, 0.0)


@pytest.mark.parametrize(
    ("available", "generator", "server", "channel"),
    [
        ({3}, {3}, {3}, {3}),
        ({0, 1}, {1}, {0}, {0}),
        ({0, 1, 2}, {2}, {0}, {1}),
        ({2, 4, 6, 8}, {8}, {2, 4}, {6}),
    ],
)
def test_the_generator_has_a_core_of_its_own_where_there_are_two(
    available: set[int], generator: set[int], server: set[int], channel: set[int]
) -> None:
    cores = assigned(frozenset(available))
    assert (cores.generator, cores.server, cores.channel) == (generator, server, channel)
    assert cores.columns()["server_cores"] == " ".join(map(str, sorted(server)))


def test_cores_are_set_back() -> None:
    before = available_cores()
    with on_cores(frozenset([min(before)])):
        assert available_cores() == {min(before)}
    assert available_cores() == before


def test_a_server_without_an_index_is_an_error_of_one_line(tmp_path: Path) -> None:
    arguments = ("--index", tmp_path / "none")
    with (
        pytest.raises(DscError, match=r"^dsc_server does not serve: error: [^\n]+$"),
        running_service("dsc_server", *arguments, cores=available_cores()),
    ):
        pass


def test_a_generator_that_ends_is_an_error_of_one_line() -> None:
    target = Target(Peer("server", "127.0.0.1:1"), Method.EMPTY, [b""], 0.1)
    with running_generator(available_cores()) as generator:
        with pytest.raises(DscError, match=r"^server at 127.0.0.1:1 did not answer within 0.1 s: "):
            generator.load(target, Plan(1, 1.0))
        generator.process.kill()
        generator.process.wait()
        with pytest.raises(DscError, match=r"^the load generator ended: [^\n]+$"):
            generator.load(target, Plan(1, 1.0))


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"clients": [0]}, "expected numbers of clients from 1 to 10000"),
        ({"scheme": "none"}, "none"),
        ({"snr_db": [-1e9]}, "snr"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, object], line: str) -> None:
    with pytest.raises(InvalidInputError, match=line):
        validated(ServeSettings, "bench serve", values)


def test_numbers_of_clients_are_measured_once_in_their_order() -> None:
    assert ServeSettings(clients=[16, 1, 16]).clients == [1, 16]
