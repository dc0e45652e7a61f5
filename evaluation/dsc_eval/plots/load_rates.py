"""Latency, answers, errors and cores by rate, from a load test; a figure for each call."""

import re
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from dsc_eval.load_test.record import CallResult, LoadTest
from dsc_eval.load_test.step import Step, Verdict
from dsc_eval.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, new_figure, save

_PERCENTILES = (("p50_ms", SKY, "50 %"), ("p90_ms", BLUE, "90 %"), ("p99_ms", VERMILION, "99 %"))
_COLOURS = (VERMILION, BLUE, GREEN, PURPLE, ORANGE, SKY, GREY)


def draw_part(record: LoadTest, number: int, folder: Path, stem: str) -> list[list[Path]]:
    """The figures of one part of a load test.

    Args:
        record: the load test.
        number: of the part.
        folder: that the figures go to.
        stem: of the report's name, which begins their names.

    Returns:
        The PNG and SVG of each call.
    """
    part = record.parts[number]
    name = re.sub(r"[^A-Za-z0-9]+", "-", part.name).strip("-")
    return [_draw(record, part.name, each, folder, f"{stem}-{name}-{each.call}") for each in part.calls]


def _draw(record: LoadTest, part: str, result: CallResult, folder: Path, name: str) -> list[Path]:
    figure = new_figure(8.4, 5.8)
    (latency, answers), (errors, cores) = figure.subplots(2, 2).tolist()
    overload = [] if result.overload is None else [result.overload]
    steps = sorted([*result.ramp.steps, *overload], key=lambda step: step.report.rate)
    _latency(latency, steps, record.bound.p99_ms)
    _answers(answers, steps)
    _errors(errors, steps)
    _cores(cores, steps)
    for axes in (latency, answers, errors, cores):
        axes.set_xlabel("requests offered per second")
        axes.set_xlim(0, 1.05 * max(step.report.rate for step in steps))
        if result.ramp.held is not None:
            axes.axvline(result.ramp.held, color=GREEN, linewidth=1, zorder=0)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    held = "no rate held" if result.ramp.held is None else f"{result.ramp.held:.0f} requests/s held"
    figure.suptitle(f"{part}: {result.call}, {held} (green line)", fontsize=10)
    return save(figure, folder, name)


def _draw_values(axes: Axes, steps: Sequence[Step], values: Sequence[float], colour: str, label: str) -> None:
    """A dot for each measurement, and a line through the last one of each rate."""
    axes.plot(*_last_of_each(steps, values), color=colour, label=label)
    axes.plot(_rates(steps), values, color=colour, linestyle="", marker=".")


def _last_of_each(steps: Sequence[Step], values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Rates, and the last value of each."""
    last = dict(zip(_rates(steps), values, strict=True))
    return list(last), list(last.values())


def _rates(steps: Sequence[Step]) -> list[float]:
    return [step.report.rate for step in steps]


def _latency(axes: Axes, steps: Sequence[Step], bound_ms: float) -> None:
    axes.set_title("latency of answers, from the intended time", fontsize=9)
    answered = [step for step in steps if step.report.p99_ms is not None]
    for name, colour, label in _PERCENTILES:
        _draw_values(axes, answered, [getattr(step.report, name) for step in answered], colour, label)
    failed = [step for step in answered if step.verdict is not Verdict.HELD]
    heights = [float(step.report.p99_ms or 0) for step in failed]
    axes.plot(_rates(failed), heights, linestyle="", marker="o", color=VERMILION, markerfacecolor="white")
    axes.axhline(bound_ms, color=GREY, linewidth=1, linestyle="--", label="bound")
    if answered:
        axes.set_yscale("log")
    axes.set_ylabel("ms")


def _answers(axes: Axes, steps: Sequence[Step]) -> None:
    axes.set_title("answered in time", fontsize=9)
    rates = _rates(steps)
    axes.plot([0, max(rates)], [0, max(rates)], color=GREY, linewidth=1, linestyle="--", label="all")
    _draw_values(axes, steps, [step.report.per_second for step in steps], BLUE, "answered")
    axes.set_ylabel("requests per second")
    axes.set_ylim(bottom=0)


def _errors(axes: Axes, steps: Sequence[Step]) -> None:
    axes.set_title("errors", fontsize=9)
    axes.set_ylabel("% of requests")
    statuses = sorted({name for step in steps for name in step.report.statuses} - {"OK"})
    for colour, name in zip(_COLOURS, statuses, strict=False):
        _fractions(axes, steps, [step.report.statuses.get(name, 0) for step in steps], colour, name)
    not_sent = [step.report.not_sent for step in steps]
    if any(not_sent):
        _fractions(axes, steps, not_sent, GREY, "not sent by the generator")
    axes.set_ylim(bottom=0)
    if not statuses and not any(not_sent):
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color=GREY)
        axes.set_ylim(0, 1)


def _fractions(axes: Axes, steps: Sequence[Step], counts: Sequence[int], colour: str, label: str) -> None:
    percent = [100 * count / max(1, step.report.offered) for count, step in zip(counts, steps, strict=True)]
    _draw_values(axes, steps, percent, colour, label)


def _cores(axes: Axes, steps: Sequence[Step]) -> None:
    axes.set_title("cores that are busy (dotted: main threads)", fontsize=9)
    roles = list(dict.fromkeys(role for step in steps for role in step.uses))
    for colour, role in zip(_COLOURS, roles, strict=False):
        seen = [step for step in steps if role in step.uses]
        busy, main = zip(*((step.uses[role].busy, step.uses[role].main_thread) for step in seen), strict=True)
        _draw_values(axes, seen, busy, colour, role)
        axes.plot(*_last_of_each(seen, main), color=colour, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("cores")
    if not roles:
        axes.text(0.5, 0.5, "not seen: another machine", transform=axes.transAxes, ha="center", color=GREY)
