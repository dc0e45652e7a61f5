"""mAP over noise as curves: a colour per mode or scheme, a dash pattern per receiver, a band around each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from dsc_eval.plots.spread import draw_range
from dsc_eval.plots.style import BLACK, MAP_LABEL, MODE_LOOKS, RECEIVER_LINES, Look, look
from dsc_eval.reading import Record, grouped, number

FLAG_LABEL = "better than any code can be: something is given away"


@dataclass(frozen=True, eq=False)
class Curve:
    """One scheme by one mode, read by one receiver.

    Attributes:
        rows: of the CSV.
        look: colour, marker, dash pattern, name.
        hollow: empty markers, where several schemes have one colour: raw features.
    """

    rows: Sequence[Record]
    look: Look
    hollow: bool = False


def curves_of(rows: Sequence[Record]) -> list[Curve]:
    """Curves in the order of the file; schemes have colours where a mode has several of them."""
    schemes = {
        mode: len({row["scheme"] for row in mode_rows}) for mode, mode_rows in grouped(rows, _mode).items()
    }
    curves: list[Curve] = []
    keys: list[str] = []
    for (scheme, mode, receiver), curve_rows in grouped(rows, _key).items():
        keys.append(scheme)
        several = schemes[mode] > 1
        of_mode = MODE_LOOKS.get(mode, look(mode, len(curves)))
        base = look(scheme, len(set(keys))) if several else of_mode
        name = f"{scheme}, {receiver}" if several else f"{base.label}, {receiver}"
        curves.append(
            Curve(
                curve_rows,
                Look(base.colour, base.marker, RECEIVER_LINES.get(receiver, "-"), name),
                hollow=several and base.line == "--",
            )
        )
    return curves


def _mode(row: Record) -> str:
    return row["mode"]


def _key(row: Record) -> tuple[str, str, str]:
    return row["scheme"], row["mode"], row["receiver"]


def draw(axes: Axes, curves: Sequence[Curve], column: str) -> None:
    """Curves over the finite numbers of a column; short lines at the right edge: without noise.

    Args:
        axes: where.
        curves: the curves.
        column: of x; a curve without it is left out.
    """
    flagged: list[tuple[float, float]] = []
    for curve in curves:
        points = [row for row in curve.rows if row[column] and math.isfinite(number(row, column))]
        if not points:
            continue
        x = [number(row, column) for row in points]
        means, lows, highs = ([number(row, key) for row in points] for key in ("mAP", "mAP_low", "mAP_high"))
        style = curve.look
        axes.plot(
            x,
            means,
            style.line,
            color=style.colour,
            marker=style.marker,
            markerfacecolor="white" if curve.hollow else style.colour,
            label=style.label,
            linewidth=1.3,
        )
        axes.fill_between(x, lows, highs, color=style.colour, alpha=0.12, linewidth=0)
        draw_range(axes, points, x, style.colour)
        flagged += [(number(row, column), number(row, "mAP")) for row in points if row["beats_limit"] == "1"]
        for row in curve.rows:
            if row["snr_db"] == "inf":
                axes.axhline(number(row, "mAP"), xmin=0.975, color=style.colour, linewidth=2)
    if flagged:
        xs, ys = zip(*flagged, strict=True)
        axes.plot(
            xs,
            ys,
            "o",
            color=BLACK,
            markerfacecolor="none",
            markersize=9,
            markeredgewidth=0.7,
            label=FLAG_LABEL,
        )
    axes.set_ylim(0, 1.02)
    axes.set_ylabel(MAP_LABEL)
