"""`python -m fuzz`: campaigns in processes beside each other, then mutated requests over sockets; replays."""

import argparse
import asyncio
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from dsc_common.cli.streams import say, show
from fuzz import sockets
from fuzz.campaign import CURRENT, run
from fuzz.inputs import read_inputs
from fuzz.oracle import fault
from fuzz.system import SCHEMES, build_indexes, system_of


def main() -> int:
    """0: nothing was found."""
    chosen = _arguments()
    if chosen.worker:
        return _worker(chosen)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        chosen.indexes = Path(folder)
        build_indexes(chosen.indexes)
        return _replay(chosen) if chosen.replay else _campaigns(chosen)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000, help="Inputs in process.")
    parser.add_argument("--socket-runs", type=int, default=20_000, help="Inputs over sockets.")
    parser.add_argument("--seed", default="", help="Seed of the inputs. (default: a random one)")
    parser.add_argument("--jobs", type=int, default=2, help="Processes.")
    parser.add_argument("--out", type=Path, default=Path("fuzz-out"), help="Folder of inputs to replay.")
    parser.add_argument("--replay", type=Path, help="File of inputs: their answers are printed.")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--indexes", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    chosen.seed = chosen.seed or str(secrets.randbelow(2**32))
    return chosen


def _campaigns(chosen: argparse.Namespace) -> int:
    show(f"fuzz: {chosen.runs} inputs in {chosen.jobs} processes, seed {chosen.seed}")
    chosen.out.mkdir(parents=True, exist_ok=True)
    workers = []
    for number in range(chosen.jobs):
        out, runs = chosen.out / str(number), chosen.runs // chosen.jobs
        arguments = ["--worker", "--indexes", chosen.indexes, "--out", out, "--runs", runs]
        arguments += ["--seed", f"{chosen.seed}-{number}"]
        workers.append((out, subprocess.Popen([sys.executable, "-m", "fuzz", *map(str, arguments)])))
    failed = False
    for out, process in workers:
        if code := process.wait():
            failed = True
            if (out / CURRENT).exists():
                show(f"the process ended with exit code {code}; what was under way: {out / CURRENT}")
    over_sockets = sockets.run(chosen.indexes / "0", chosen.seed, chosen.socket_runs, chosen.out)
    show(f"over sockets: {over_sockets.line()}")
    for line in over_sockets.faults.values():
        show(f"FAULT {line}")
    return int(failed or bool(over_sockets.faults))


def _worker(chosen: argparse.Namespace) -> int:
    indexes = _indexes(chosen)
    name = chosen.out.name
    with system_of(indexes, with_ldpc=True) as system:
        report = asyncio.run(
            run(system, chosen.seed, chosen.runs, chosen.out, lambda line: say(f"{name}: {line}"))
        )
    show(f"process {name}: {report.line()}")
    for line in report.faults.values():
        show(f"FAULT {line}")
    return int(bool(report.faults))


def _replay(chosen: argparse.Namespace) -> int:
    found = []
    with system_of(_indexes(chosen), with_ldpc=True) as system, asyncio.Runner() as runner:
        for each in read_inputs(chosen.replay):
            answer = runner.run(system.answer(each))
            found.append(fault(each.method, answer))
            show(f"{each.role} {each.scheme} {each.method}: {answer.code.name} {answer.details}")
            show(f"  {found[-1] or 'proper'}")
    return int(any(found))


def _indexes(chosen: argparse.Namespace) -> dict[str, Path]:
    return {scheme: chosen.indexes / str(number) for number, scheme in enumerate(SCHEMES)}


if __name__ == "__main__":
    sys.exit(main())
