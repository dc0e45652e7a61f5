"""Fig. 3 from fig3.csv: mAP against SNR, a panel per mode and receiver, and the bit and head errors below."""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from dsc_eval.plots.reading import Record, grouped, number, read_rows
from dsc_eval.plots.style import BLACK, GREY, look, new_figure, save, simulated_note

COLUMNS = (
    *("scheme", "mode", "receiver", "snr_db", "uses", "draws", "mAP", "mAP_low", "mAP_high"),
    *("ber", "head_error_rate", "database", "simulated"),
)


def plot(results: Path) -> list[Path]:
    """results/fig3.csv → PNG and SVG."""
    rows = read_rows(results / "fig3.csv", COLUMNS)
    panels = grouped(rows, lambda row: (row["mode"], row["receiver"]))
    figure = new_figure(1.6 + 5.6 * len(panels), 6.2)
    grid = figure.subplots(2, len(panels), squeeze=False, sharex="col", height_ratios=(3, 1.3))
    for column, ((mode, receiver), own) in enumerate(panels.items()):
        upper, lower = grid[0][column], grid[1][column]
        _accuracy(upper, own)
        _errors(lower, own)
        first = own[0]
        images = f"{int(first['database']):,} images{simulated_note(int(first['simulated']))}"
        upper.set_title(f"{mode}, receiver {receiver}, {_uses(own)} uses; {images}", fontsize=9)
    grid[0][-1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, handlelength=3)
    grid[1][-1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, handlelength=3)
    return save(figure, results, "fig3")


def _uses(rows: Sequence[Record]) -> str:
    """Channel uses of a packet: one number, or the range over the schemes."""
    uses = sorted({int(row["uses"]) for row in rows})
    return str(uses[0]) if len(uses) == 1 else f"{uses[0]} to {uses[-1]}"


def _accuracy(axes: Axes, rows: Sequence[Record]) -> None:
    """Curves over finite SNR with their intervals; a short line at the right edge: without noise."""
    for place, (scheme, own) in enumerate(grouped(rows, lambda row: row["scheme"]).items()):
        style = look(scheme, place)
        noisy = [row for row in own if math.isfinite(number(row, "snr_db"))]
        snr = [number(row, "snr_db") for row in noisy]
        means, lows, highs = ([number(row, key) for row in noisy] for key in ("mAP", "mAP_low", "mAP_high"))
        axes.plot(
            snr, means, style.line, color=style.colour, marker=style.marker, label=style.label, linewidth=1.4
        )
        axes.fill_between(snr, lows, highs, color=style.colour, alpha=0.12, linewidth=0)
        for row in own:
            if row not in noisy:
                axes.axhline(number(row, "mAP"), xmin=0.97, color=style.colour, linewidth=2.2)
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("mAP")


def _errors(axes: Axes, rows: Sequence[Record]) -> None:
    """Bit and head error rates of the first scheme that has a head."""
    schemes = grouped(rows, lambda row: row["scheme"])
    own = next((part for part in schemes.values() if number(part[0], "head_error_rate") > 0), rows)
    noisy = [row for row in own if row["scheme"] == own[0]["scheme"] and math.isfinite(number(row, "snr_db"))]
    snr = [number(row, "snr_db") for row in noisy]
    axes.plot(
        snr, [number(row, "head_error_rate") for row in noisy], "-", color=BLACK, label="heads with an error"
    )
    axes.plot(snr, [number(row, "ber") for row in noisy], "--", color=GREY, label="bits with an error")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("SNR (dB)")
    axes.set_ylabel("error rate")
