"""Server, channel and load generators as processes of a measurement, each on chosen cores.

They run the packages that this process imports, so a benchmark can measure those of an earlier commit. The
processes of the demonstration are not used: earlier packages do not have them.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from dsc_common.errors import DscError
from dsc_eval.load.calling import Target
from dsc_eval.load.closed_loop import Plan
from dsc_eval.load.cores import on_cores
from dsc_eval.load.generator import FAILED
from dsc_eval.load.jobs import Job, job_to_line, outcome_from_line, report_from_line
from dsc_eval.load.mixing import Messages
from dsc_eval.load.open_loop import OpenPlan
from dsc_eval.load.open_report import OpenReport, open_report
from dsc_eval.load.processes import usage
from dsc_eval.load.report import LoadReport

GRACE_S = 15.0
_LISTENING = re.compile(r"listening on (\S+:\d+)")


@dataclass(frozen=True)
class Service:
    """A service that runs.

    Attributes:
        address: HOST:PORT.
        pid: of its process.
        started: when it was started, by `time.perf_counter`.
        start_s: seconds from its start to "listening on".
    """

    address: str
    pid: int
    started: float
    start_s: float

    def cpu_s(self) -> float:
        """Processor seconds so far, of all threads; the clock of Linux has steps of 10 ms.

        Raises:
            DscError: the process has ended.
        """
        now = usage(self.pid)
        if now is None:
            raise DscError(f"the service at {self.address} has ended")
        return now.cpu_s


@contextmanager
def running_service(
    module: str, *arguments: str | Path, cores: frozenset[int], variables: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """`python -m MODULE serve …` on a free port, until the block ends.

    Args:
        module: of the service.
        arguments: options besides the address.
        cores: that it may use.
        variables: of its environment, besides those of this process that are no settings.

    Raises:
        DscError: it ended before it listened.
    """
    command = ["serve", "--listen", "127.0.0.1:0", *map(str, arguments)]
    started = time.perf_counter()
    with _process(module, command, cores, variables or {}) as (process, errors):
        line = process.stdout.readline() if process.stdout else ""
        match = _LISTENING.search(line)
        if match is None:
            process.wait(GRACE_S)
            raise DscError(f"{module} does not serve: {_last_line(errors)}")
        yield Service(match[1], process.pid, started, time.perf_counter() - started)


@dataclass(frozen=True)
class Generator:
    """A generator process that runs."""

    process: subprocess.Popen[str]
    errors: IO[str]

    def load(self, target: Target, plan: Plan) -> LoadReport:
        """The report on a load in a closed loop.

        Raises:
            DscError: the service does not answer, or the generator ended.
        """
        self.send(Job(target, plan))
        return report_from_line(self.receive())

    def send(self, job: Job) -> None:
        """Begin a job; `receive` waits for its end."""
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):  # `receive` names the reason
                self.process.stdin.write(f"{job_to_line(job)}\n")
                self.process.stdin.flush()

    def receive(self) -> str:
        """The next line of a job: `BEGUN`, or the one that ends it.

        Raises:
            DscError: the service does not answer, or the generator ended.
        """
        line = self.process.stdout.readline() if self.process.stdout is not None else ""
        if line.startswith(FAILED):
            raise DscError(line.removeprefix(FAILED).strip())
        if not line:
            raise DscError(f"the load generator ended: {_last_line(self.errors)}")
        return line


def load_open(
    generators: Sequence[Generator],
    target: Target,
    plan: OpenPlan,
    messages: Messages,
    watching: AbstractContextManager[object] | None = None,
) -> OpenReport:
    """The report on an open loop that several generators make together.

    Args:
        generators: each offers the same part of the rate.
        target: with the requests of `messages`.
        plan: of all together.
        messages: with their kinds.
        watching: is entered when the measurement begins, and left at its end, before the last answers.

    Raises:
        DscError: the service does not answer, or a generator ended.
    """
    count = len(generators)
    part = replace(
        plan, per_second=plan.per_second / count, max_in_flight=max(1, plan.max_in_flight // count)
    )
    for number, generator in enumerate(generators):
        generator.send(Job(target, replace(part, generator=number)))
    for generator in generators:
        generator.receive()  # BEGUN
    time.sleep(plan.warm_up_s)
    with watching or nullcontext():
        time.sleep(plan.seconds)
    outcomes = [outcome_from_line(generator.receive()) for generator in generators]
    return open_report(outcomes, plan.per_second, messages.kind_of, messages.kinds)


@contextmanager
def running_generator(cores: frozenset[int]) -> Iterator[Generator]:
    """A load generator, until the block ends."""
    with _process("dsc_eval.load.generator", [], cores, {}) as (process, errors):
        yield Generator(process, errors)


@contextmanager
def _process(
    module: str, arguments: list[str], cores: frozenset[int], variables: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    # Settings of the user's environment would be measured, too.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DSC_")}
    with tempfile.TemporaryFile("w+") as errors:
        with on_cores(cores):
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**environment, **variables},
            )
        with process:
            try:
                yield process, errors
            finally:
                _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(BrokenPipeError):  # of a line that a process which has ended did not read
        if process.stdin is not None:
            process.stdin.close()
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _last_line(errors: IO[str]) -> str:
    errors.seek(0)
    return (errors.read().splitlines() or ["it printed nothing"])[-1]
