"""`python -m outages`: every outage in turn, as a table; exit code 1 if one was not over in time."""

import sys
import tempfile
from pathlib import Path

from dsc_common.cli.streams import say, show
from dsc_eval.load.calling import Method
from dsc_server.index.files import read_index
from fuzz.seeds import RETRIEVE, TRANSMIT, seeds_of
from fuzz.system import build_indexes
from outages.outage import ALL, Seen, see

TITLES = ("what happens", "calls", "away s", "sent", "answered", "errors", "last error s", "bound s", "")
WIDTHS = (28, 8, 6, 6, 8, 20, 12, 7, 0)


def main() -> int:
    """0: all were over in time."""
    with tempfile.TemporaryDirectory(prefix="outages-") as folder:
        index, requests = prepare(Path(folder))
        show(_row(TITLES))
        faults = []
        for outage in ALL:
            say(f"{outage.victim}: {outage.event}, {outage.method}")
            seen = see(outage, index, requests)
            faults.append(seen.fault())
            show(_row(_cells(seen)))
    return int(any(faults))


def prepare(folder: Path) -> tuple[Path, dict[Method, bytes]]:
    """A small index, and a valid request of each kind."""
    index = build_indexes(folder, ("dsc",))["dsc"]
    seeds = seeds_of("dsc", read_index(index), with_ldpc=False)
    first = {
        method: next(each.data for each in seeds if each.method == method) for method in (RETRIEVE, TRANSMIT)
    }
    return index, {Method.RETRIEVE: first[RETRIEVE], Method.TRANSMIT: first[TRANSMIT]}


def _cells(seen: Seen) -> tuple[str, ...]:
    sent = sum(seen.statuses.values())
    last = "none after" if seen.last_error_s is None else f"{seen.last_error_s:.2f}"
    return (
        f"{seen.outage.victim}: {seen.outage.event}",
        seen.outage.method,
        f"{seen.away_s:.1f}",
        str(sent),
        str(seen.statuses["OK"]),
        ", ".join(f"{name} {count}" for name, count in seen.errors.items()) or "none",
        last if seen.errors else "none",
        f"{seen.outage.bound_s:.1f}" if seen.outage.bound_s else "no error",
        seen.fault() and f"FAILED: {seen.fault()}",
    )


def _row(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


if __name__ == "__main__":
    sys.exit(main())
