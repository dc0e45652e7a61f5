"""Energy over the air over SNR, from energy.json: the packet beside the limit for the photo's JPEG file."""

from pathlib import Path
from typing import Any

from dsc_eval.bench.energy import NAME
from dsc_eval.bench.record import read_record
from dsc_eval.plots.style import BLACK, BLUE, VERMILION, new_figure, save

WIDTH, HEIGHT = 6.4, 3.8  # inches


def plot(results: Path) -> list[Path]:
    """results/energy.json → PNG and SVG."""
    record = read_record(results / f"{NAME}.json", NAME)
    rows = sorted(record["rows"], key=lambda row: float(row["snr_db"]))
    snrs = [float(row["snr_db"]) for row in rows]
    figure = new_figure(WIDTH, HEIGHT)
    axes = figure.subplots()
    axes.plot(snrs, _column(rows, "jpeg_same_snr_db"), "s-", color=BLUE, label="JPEG at the same SNR (limit)")
    low, high = (_column(rows, f"jpeg_same_snr_db_{name}") for name in ("p10", "p90"))
    axes.fill_between(snrs, low, high, color=BLUE, alpha=0.15, linewidth=0)
    axes.plot(
        snrs, _column(rows, "jpeg_any_uses_db"), ":", color=BLACK, label="JPEG, any number of uses (limit)"
    )
    axes.plot(
        snrs, _column(rows, "energy_db"), "o-", color=VERMILION, label=f"packet, {rows[0]['uses']:,.0f} uses"
    )
    axes.set_xlabel("SNR of a real channel use (dB)")
    axes.set_ylabel("energy of a query (dB above σ²)")
    first = rows[0]
    axes.set_title(
        f"{first['dataset']}: JPEG files of {float(first['jpeg_bytes']) / 1e3:.0f} kB (median; band: 10th to "
        f"90th percentile).\nIn the packet's uses they need {float(first['jpeg_same_uses_db']):,.0f} dB.",
        fontsize=8,
    )
    axes.legend(fontsize=8)
    return save(figure, results, NAME)


def _column(rows: list[dict[str, Any]], name: str) -> list[float]:
    return [float(row[name]) for row in rows]
