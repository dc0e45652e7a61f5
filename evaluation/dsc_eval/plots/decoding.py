"""Time to decode one packet, from decoding.csv: a bar per receiver and SNR, in steps."""

from pathlib import Path

from dsc_eval.plots.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    new_figure,
    save,
    simulated_note,
    source_note,
)
from dsc_eval.reading import grouped, number, read_rows

COLUMNS = ("scheme", "receiver", "snr_db", "step", "median_ms", "database", "simulated")
TARGET_MS = 3.0
TOTAL = "all"
_COLOURS = (SKY, BLUE, GREEN, ORANGE, VERMILION, GREY, PURPLE)


def plot(results: Path) -> list[Path]:
    """results/decoding.csv → PNG and SVG."""
    rows = read_rows(results / "decoding.csv", COLUMNS)
    bars = grouped(rows, lambda row: (row["scheme"], row["receiver"], row["snr_db"], row["database"]))
    figure = new_figure(9, 0.32 * len(bars) + 1.4)
    axes = figure.subplots()
    steps = list(dict.fromkeys(row["step"] for row in rows if row["step"] != TOTAL))
    for place, bar_rows in enumerate(bars.values()):
        start = 0.0
        for row in bar_rows:
            if row["step"] != TOTAL:
                colour = _COLOURS[steps.index(row["step"]) % len(_COLOURS)]
                axes.barh(place, number(row, "median_ms"), left=start, color=colour, height=0.7)
                start += number(row, "median_ms")
        axes.annotate(f" {start:.2f} ms", (start, place), va="center", fontsize=8)
    for step, colour in zip(steps, _COLOURS, strict=False):
        axes.barh(0, 0, color=colour, label=step)
    axes.axvline(TARGET_MS, color=GREY, linestyle=":", label=f"goal: {TARGET_MS:g} ms")
    axes.set_yticks(
        range(len(bars)), [f"{scheme}, {receiver}, {float(snr):g} dB" for scheme, receiver, snr, _ in bars]
    )
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("median time of one packet (ms)")
    images = {f"{int(row['database']):,} images{simulated_note(int(row['simulated']))}" for row in rows}
    axes.set_title(source_note(rows[0]) + "; ".join(sorted(images)), fontsize=9)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
    return save(figure, results, "decoding")
