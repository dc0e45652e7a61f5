"""A generator process: `python -m dsc_eval.load.generator` reads jobs on stdin, and answers on stdout."""

import asyncio
import sys

from dsc_common.cli.streams import show
from dsc_common.errors import DscError
from dsc_eval.load.calling import measure, measure_open
from dsc_eval.load.jobs import job_from_line, outcome_to_line, report_to_line
from dsc_eval.load.open_loop import OpenPlan
from dsc_eval.load.report import report

FAILED = "error: "  # begins a line in place of a report
BEGUN = "begun"  # the line before the outcome of an open loop


def main() -> None:
    """Make the load of each line of stdin, until stdin ends."""
    for line in sys.stdin:
        show(answer(line))


def answer(line: str) -> str:
    """The report on a closed loop, the outcome of an open one, or an error, in one line."""
    job = job_from_line(line)
    try:
        if isinstance(job.plan, OpenPlan):
            return outcome_to_line(measure_open(job.target, job.plan, lambda: show(BEGUN)))
        return report_to_line(report(asyncio.run(measure(job.target, job.plan)), job.plan.clients))
    except DscError as error:
        return f"{FAILED}{error}"


if __name__ == "__main__":
    main()
