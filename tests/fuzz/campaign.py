"""A campaign: inputs of one seed to edges of this process, each answer judged, memory and time watched."""

import asyncio
import faulthandler
import logging
import random
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.inputs import Input, write_inputs
from fuzz.mutation import mutated
from fuzz.odd_metadata import odd_metadata
from fuzz.oracle import fault
from fuzz.seeds import KINDS, WEIGHTS
from fuzz.system import System
from helpers.process_state import resident_mib

AT_ONCE = 16
INPUT_S = 10.0
HANG_S = 60.0  # after which the process ends
WARM_UP = 20_000  # inputs before memory is measured
GROWTH_MIB = 64.0  # allowed after them; torch keeps up to 45 MiB for the sizes of LDPC codes
MOST_FILES = 20
CURRENT = "current.jsonl"  # what is under way; it remains where the process crashes


@dataclass
class Report:
    """What a campaign found.

    Attributes:
        runs: inputs.
        seconds: time of all.
        slowest_s: longest time of an input.
        warm_mib, end_mib: resident memory after the warm-up and at the end; nan without a warm-up.
        statuses: answers by status.
        faults: lines by kind of fault: the first of each, with the name of its file.
    """

    runs: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0
    warm_mib: float = float("nan")
    end_mib: float = float("nan")
    statuses: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        """In one line."""
        statuses = ", ".join(f"{name} {count}" for name, count in self.statuses.most_common())
        rate = self.runs / max(self.seconds, 1e-9)
        return (
            f"{self.runs} inputs in {self.seconds:.0f} s ({rate:.0f}/s), slowest {self.slowest_s:.2f} s, "
            f"memory {self.warm_mib:.0f} -> {self.end_mib:.0f} MiB; {statuses}"
        )


def inputs(seeds: Sequence[Input], seed: str) -> Iterator[Input]:
    """Mutated inputs without end; the same seed gives the same."""
    rng = random.Random(seed)
    by_method: dict[str, list[Input]] = defaultdict(list)
    for each in seeds:
        by_method[each.method].append(each)
    methods = [method for method in WEIGHTS if method in by_method]
    weights = [WEIGHTS[method] for method in methods]
    while True:
        method = rng.choices(methods, weights)[0]
        start, other = rng.choice(by_method[method]), rng.choice(by_method[method])
        data = mutated(start.data, other.data, KINDS[method], rng)
        kept = start.metadata if rng.random() < 0.8 else ()  # a token
        yield Input(start.role, start.scheme, method, data, (*kept, *odd_metadata(rng)))


async def run(
    system: System,
    seed: str,
    runs: int,
    out: Path,
    say: Callable[[str], None] = lambda _line: None,
    input_s: float = INPUT_S,
) -> Report:
    """Send so many inputs; files of faulty ones, and of those under way, are in `out`.

    Args:
        system: what is fuzzed.
        seed: of the inputs.
        runs: number of inputs.
        out: folder of files to replay.
        say: receives lines on progress.
        input_s: seconds in which an input must be answered, beside the others of its group.
    """
    out.mkdir(parents=True, exist_ok=True)
    source, judge = inputs(system.seeds, seed), _Judge(system, out, input_s)
    report, begun = judge.report, time.perf_counter()
    with _strict() as judge.log:
        while report.runs < runs:
            group = [next(source) for _ in range(min(AT_ONCE, runs - report.runs))]
            write_inputs(out / CURRENT, group)
            faulthandler.dump_traceback_later(HANG_S, exit=True)
            await asyncio.gather(*map(judge.one, group))
            before, report.runs = report.runs, report.runs + len(group)
            report.seconds = time.perf_counter() - begun
            if before < WARM_UP <= report.runs:
                report.warm_mib = resident_mib()
            if before * 10 // runs < report.runs * 10 // runs:
                report.end_mib = resident_mib()
                say(report.line())
        faulthandler.cancel_dump_traceback_later()
    (out / CURRENT).unlink()
    if report.end_mib - report.warm_mib > GROWTH_MIB:
        report.faults["memory"] = f"memory grew from {report.warm_mib:.0f} to {report.end_mib:.0f} MiB"
    return report


class _Judge:
    """Answers inputs, and keeps what is wrong."""

    def __init__(self, system: System, out: Path, input_s: float) -> None:
        self._system, self._out, self._input_s = system, out, input_s
        self.report = Report()
        self.log: list[str] = []

    async def one(self, each: Input) -> None:
        begun = time.perf_counter()
        answer = await self._system.answer(each)
        seconds = time.perf_counter() - begun
        self.report.slowest_s = max(self.report.slowest_s, seconds)
        self.report.statuses[answer.code.name] += 1
        found = fault(each.method, answer)
        if not found and seconds > self._input_s:
            found = f"took more than {self._input_s:g} s"
        if found:
            self._keep(each, found)

    def _keep(self, each: Input, found: str) -> None:
        where = self.log.pop() if self.log else ""  # the traceback of what became INTERNAL
        kind = f"{each.method} {found[:60]} {where[-200:]}"
        if kind in self.report.faults or len(self.report.faults) >= MOST_FILES:
            return
        file = self._out / f"fault-{len(self.report.faults)}.jsonl"
        write_inputs(file, [each])
        self.report.faults[kind] = f"{file}: {each.role} {each.scheme} {each.method}: {found}\n{where}"


class _strict:
    """Warnings of NumPy become errors, and tracebacks of services are kept in place of printed."""

    def __enter__(self) -> list[str]:
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("error", RuntimeWarning)
        self._handler = _Kept()
        logging.getLogger().addHandler(self._handler)
        return self._handler.tracebacks

    def __exit__(self, *error: object) -> None:
        logging.getLogger().removeHandler(self._handler)
        self._warnings.__exit__(None, None, None)


class _Kept(logging.Handler):
    """The last traceback that was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.tracebacks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is not None:
            self.tracebacks[:] = ["".join(traceback.format_exception(*record.exc_info))]
