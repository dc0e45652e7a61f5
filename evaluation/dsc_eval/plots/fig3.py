"""Fig. 3 from fig3.csv, and a figure from each fig3-….csv: mAP against SNR and energy, and its causes."""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from dsc_eval.plots.curves import curves_of, draw
from dsc_eval.plots.limit_lines import draw_energy_limits, draw_snr_limits
from dsc_eval.plots.spread import spread_note, with_spread
from dsc_eval.plots.style import BLACK, BLUE, GREEN, VERMILION, new_figure, save, simulated_note, source_note
from dsc_eval.reading import Record, grouped, names_of_runs, number, read_rows

COLUMNS = (
    *("scheme", "mode", "receiver", "snr_db", "uses", "draws", "mAP", "mAP_low", "mAP_high"),
    *("ber", "head_error_rate", "head_undetected_rate", "wrong_partition_rate", "packet_error_rate"),
    *("energy_to_noise_db", "beats_limit", "complex_uses", "packet_bytes", "fading", "channel_knowledge"),
    *("fec", "head_protection", "queries", "database", "simulated"),
)
KEYS = ("scheme", "mode", "receiver", "snr_db", "database", "simulated")
RIVALS = ("analog-pca", "hybrid")
FIRST_PANEL_MODES = ("bpsk", *RIVALS)  # modes of the first row, where there are many
MAX_MODES_IN_A_PANEL = 3
CAUSES = (
    ("ber", "bits with an error", BLACK, "-"),
    ("head_error_rate", "heads with an error", VERMILION, "-"),
    ("head_undetected_rate", "… that the check bits missed", VERMILION, ":"),
    ("wrong_partition_rate", "partitions not read", BLUE, "-"),
    ("mAP", "1 - mAP", GREEN, "-"),
)


def plot(results: Path) -> list[Path]:
    """results/fig3.csv and results/fig3-*.csv → PNG and SVG of the same names."""
    return [path for name in names_of_runs(results, "fig3") for path in _plot(results, name)]


def _plot(results: Path, name: str) -> list[Path]:
    rows = with_spread(read_rows(results / f"{name}.csv", COLUMNS), results / f"{name}.seeds.csv", KEYS)
    blocks = _blocks(rows)
    figure = new_figure(13.5, 3.5 * len(blocks) + 3.4)
    parts = figure.subfigures(len(blocks) + 1, 1, height_ratios=[1.1] * len(blocks) + [1], squeeze=False)[
        :, 0
    ]
    for part, block in zip(parts, blocks, strict=False):
        panels = part.subplots(1, 2, sharey=True)
        _accuracy(panels, block)
        if len(blocks) > 1 and block is blocks[0]:
            _near_the_top(panels[0], block)
    _causes(parts[-1].subplots(1, 2, sharey=True), rows)
    figure.suptitle(_title(rows), fontsize=10)
    return save(figure, results, name)


def _blocks(rows: Sequence[Record]) -> list[list[Record]]:
    """Rows by panel: where there are many modes, the first ones, then the others beside the rivals."""
    modes = grouped(rows, lambda row: row["mode"])
    others = [mode for mode in modes if mode not in FIRST_PANEL_MODES]
    if len(modes) <= MAX_MODES_IN_A_PANEL or not others or len(others) == len(modes):
        return [list(rows)]
    first = [row for row in rows if row["mode"] in FIRST_PANEL_MODES]
    receivers = [row["receiver"] for row in rows]
    chosen = "default" if "default" in receivers else receivers[-1]
    best = [row for row in rows if row["mode"] in RIVALS and row["receiver"] == chosen]
    return [first, [row for row in rows if row["mode"] in others] + best]


def _accuracy(panels: Sequence[Axes], rows: Sequence[Record]) -> None:
    curves = curves_of(rows)
    by_snr, by_energy = panels
    draw(by_snr, curves, "snr_db")
    draw_snr_limits(by_snr, rows)
    by_snr.set_xlabel("SNR (dB)")
    draw(by_energy, curves, "energy_to_noise_db")
    draw_energy_limits(by_energy, rows)
    by_energy.set_xlabel("energy of a query / noise variance in a real dimension (dB)")
    by_energy.set_ylabel("")
    artists: dict[str, Artist] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        artists = dict(zip(labels, handles, strict=True)) | artists
    by_energy.legend(
        list(artists.values()),
        list(artists),
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        fontsize=7.5,
        handlelength=3.2,
    )


def _near_the_top(axes: Axes, rows: Sequence[Record]) -> None:
    """The same curves once more, where all are good and differ by little."""
    inset = axes.inset_axes((0.75, 0.1, 0.24, 0.5))
    draw(inset, curves_of(rows), "snr_db")
    inset.set_ylim(0.94, 1.002)
    inset.set_xlim(-6, 15)
    inset.set_ylabel("")
    inset.tick_params(labelsize=7)


def _causes(panels: Sequence[Axes], rows: Sequence[Record]) -> None:
    """Bit errors, head errors, partitions not read and lost mAP of one mode and scheme, for two receivers."""
    first = next((row for row in rows if row["packet_error_rate"] and int(row["uses"])), rows[0])
    curve_rows = [row for row in rows if (row["mode"], row["scheme"]) == (first["mode"], first["scheme"])]
    receivers = grouped(curve_rows, lambda row: row["receiver"])
    shown = [name for name in ("hard", "default") if name in receivers] or list(receivers)[:2]
    for axes, name in zip(panels, shown, strict=False):
        points = [row for row in receivers[name] if math.isfinite(number(row, "snr_db"))]
        x = [number(row, "snr_db") for row in points]
        for column, label, colour, line in CAUSES:
            values = [number(row, column) for row in points]
            y = [1 - value for value in values] if column == "mAP" else values
            axes.plot(x, y, line, color=colour, marker=".", label=label, linewidth=1.4)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("SNR (dB)")
        axes.set_title(f"what is lost, and why: {first['scheme']}, {first['mode']}, {name}", fontsize=9)
    for axes in panels[len(shown) :]:
        axes.axis("off")
    panels[0].set_ylabel("share")
    panels[min(len(shown), len(panels)) - 1].legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=7.5, handlelength=3.2
    )


def _title(rows: Sequence[Record]) -> str:
    first = rows[0]
    database, simulated = int(first["database"]), int(first["simulated"])
    draws = sorted({int(row["draws"]) for row in rows if math.isfinite(number(row, "snr_db"))} or {1})
    number_of_draws = f"{draws[0]} to {draws[-1]}" if len(draws) > 1 else f"{draws[0]}"
    parts = [
        f"{source_note(first)}{database:,} images{simulated_note(simulated)}",
        f"draws of the noise: {number_of_draws}, 95 % intervals over queries{spread_note(rows)}",
    ]
    if first["fading"] != "none":
        knowledge = "known" if first["channel_knowledge"] == "1" else "not known"
        parts.append(f"{first['fading']} fading, gains {knowledge} to the receiver")
    if first["fec"] != "none":
        parts.append(f"error correction {first['fec']}")
    if first["head_protection"] != "channel":
        parts.append("ideal head")
    return "; ".join(parts)
