"""`python -m fuzz.guided`: atheris chooses the mutations by coverage (extra `fuzz`); options are libFuzzer's.

The first bytes of an input select a valid request as a start; the rest replaces a part of it.
"""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dsc_common.cli.streams import say
from dsc_server.kernels.choice import kernels
from fuzz.inputs import Input, write_inputs

SCHEMES = ("dsc", "dsc-pq+set+scrambled+fused", "hybrid+D=16")
OUT = Path("fuzz-out/guided")


class FaultError(Exception):
    """An answer that is not proper; the input is in a file."""


def main() -> int:
    """Fuzz until the runs of `-atheris_runs` are over, or a fault is found."""
    try:
        import atheris
    except ImportError as error:
        say(f"error: guided fuzzing needs the extra `fuzz` of deep-semantic-coding: {error}")
        return 1
    kernels()  # numba compiles what is not instrumented
    with atheris.instrument_imports(include=["dsc_server", "dsc_channel", "dsc_common"]):
        from fuzz.system import build_indexes, system_of
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, asyncio.Runner() as runner:
        indexes = build_indexes(Path(folder), SCHEMES)
        with system_of(indexes, with_ldpc=False) as system:
            answer = lambda each: runner.run(system.answer(each))  # noqa: E731
            atheris.Setup(sys.argv, lambda data: _one(answer, system.seeds, data))
            atheris.Fuzz()
    return 0


def _one(answer: Callable[[Input], Any], seeds: Sequence[Input], data: bytes) -> None:
    from fuzz.oracle import fault

    each = input_of(seeds, data)
    if found := fault(each.method, answer(each)):
        OUT.mkdir(parents=True, exist_ok=True)
        write_inputs(OUT / "fault.jsonl", [each])
        raise FaultError(f"{OUT / 'fault.jsonl'}: {found}")


def input_of(seeds: Sequence[Input], data: bytes) -> Input:
    """The input that these bytes select and change."""
    methods = sorted({each.method for each in seeds})
    method = methods[int.from_bytes(data[:1], "big") % len(methods)]
    starts = [each for each in seeds if each.method == method]
    start = starts[int.from_bytes(data[1:3], "big") % len(starts)]
    place = int.from_bytes(data[3:5], "big") % (len(start.data) + 1)
    changed = start.data[:place] + data[5:] + start.data[place + len(data[5:]) :]
    return Input(start.role, start.scheme, method, changed)


if __name__ == "__main__":
    sys.exit(main())
