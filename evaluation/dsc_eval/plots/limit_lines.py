"""Where channel coding could bring a whole packet over: vertical lines over SNR, and over energy."""

from collections.abc import Sequence
from math import isfinite, log, log10

from matplotlib.axes import Axes

from dsc_eval.measures.limits import least_snr_db, least_snr_db_at
from dsc_eval.plots.style import BLACK, GREY
from dsc_eval.reading import Record, number

ERROR_RATE = 1e-2
_COLOURS = (BLACK, GREY)


def packet_shapes(rows: Sequence[Record]) -> list[tuple[int, int]]:
    """(bits, real uses) of the packets that go digitally over a radio, each once, most uses first.

    None with fading, for which the limits are others.
    """
    shapes = {
        (8 * int(row["packet_bytes"]), int(row["uses"]) * (1 + int(row["complex_uses"])))
        for row in rows
        if row["packet_error_rate"] and int(row["uses"]) and row["fading"] == "none"
    }
    return sorted(shapes, key=lambda shape: -shape[1])


def draw_snr_limits(axes: Axes, rows: Sequence[Record]) -> None:
    """Shannon's limit and that of finite length (normal approximation), as far as they lie in sight."""
    last = _last(rows, "snr_db")
    of_rate = {bits / uses: (bits, uses) for bits, uses in reversed(packet_shapes(rows))}
    shapes = sorted(of_rate.values(), key=lambda shape: -shape[1])  # those of one rate would coincide
    for (bits, uses), colour in zip(shapes, _COLOURS, strict=False):
        shannon = least_snr_db(bits, uses)
        if shannon <= last:
            what = f"{bits} bits in {uses} uses"
            _line(axes, shannon, ":", colour, f"{what}: Shannon, {shannon:.1f} dB", "right")
            finite = least_snr_db_at(bits, uses, ERROR_RATE)
            _line(axes, finite, "-.", colour, f"finite length, 1 % lost: {finite:.1f} dB", "left")


def draw_energy_limits(axes: Axes, rows: Sequence[Record]) -> None:
    """The same as energy for the packet with most uses; and the least of all, 2 ln 2 a bit, in any uses."""
    shapes, last = packet_shapes(rows), _last(rows, "energy_to_noise_db")
    if not shapes:
        return
    bits, uses = shapes[0]
    least = 10 * log10(2 * log(2) * bits)
    shannon = least_snr_db(bits, uses) + 10 * log10(uses)
    if max(least, shannon) <= last:
        _line(axes, least, "-", GREY, f"{bits} bits in any number of uses: {least:.1f} dB", "right")
        _line(axes, shannon, ":", BLACK, f"in {uses} uses: Shannon, {shannon:.1f} dB", "right")
        finite = least_snr_db_at(bits, uses, ERROR_RATE) + 10 * log10(uses)
        _line(axes, finite, "-.", BLACK, f"finite length, 1 % lost: {finite:.1f} dB", "left")


def _line(axes: Axes, x: float, line: str, colour: str, text: str, align: str) -> None:
    axes.axvline(x, linestyle=line, color=colour, linewidth=1.1, zorder=0.5)
    axes.annotate(
        text,
        (x, 0.02),
        xytext=(-2 if align == "right" else 2, 0),
        textcoords="offset points",
        xycoords=("data", "axes fraction"),
        rotation=90,
        ha=align,
        va="bottom",
        fontsize=6.5,
        color=colour,
    )


def _last(rows: Sequence[Record], column: str) -> float:
    values = [number(row, column) for row in rows if row[column]]
    return max((value for value in values if isfinite(value)), default=0.0)
