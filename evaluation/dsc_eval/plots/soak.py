"""Memory, descriptors and latency over time, from a soak test."""

from pathlib import Path

import numpy as np

from dsc_eval.load_test.flatness import SETTLES
from dsc_eval.load_test.record import Soak
from dsc_eval.plots.style import BLUE, GREEN, GREY, ORANGE, SKY, VERMILION, new_figure, save

_COLOURS = (VERMILION, BLUE, GREEN, ORANGE)


def draw_soak(record: Soak, folder: Path, stem: str) -> list[list[Path]]:
    """The one figure of a soak test: its PNG and SVG.

    Args:
        record: the soak test.
        folder: that the figure goes to.
        stem: of the report's name, which is the figure's.
    """
    figure = new_figure(8.4, 7.2)
    memory, descriptors, latency = figure.subplots(3, 1, sharex=True).tolist()
    for colour, (role, track) in zip(_COLOURS, record.tracks.items(), strict=False):
        minutes = np.array(track.times_s) / 60
        memory.plot(minutes, track.rss_mib, color=colour, label=role)
        descriptors.plot(minutes, track.descriptors, color=colour, label=role)
        if len(minutes):
            for axes in (memory, descriptors):
                axes.axvline(SETTLES * minutes[-1], color=GREY, linewidth=1, linestyle="--")
    ends = np.cumsum([report.seconds for report in record.segments]) / 60
    answered = [(end, each) for end, each in zip(ends, record.segments, strict=True) if each.p99_ms]
    for name, colour, label in (("p50_ms", SKY, "50 %"), ("p99_ms", VERMILION, "99 %")):
        values = [getattr(each, name) for _, each in answered]
        latency.plot([end for end, _ in answered], values, color=colour, marker=".", label=label)
    memory.set_ylabel("resident memory in MiB")
    descriptors.set_ylabel("open descriptors")
    latency.set_ylabel("latency in ms")
    latency.set_xlabel("minutes (judged from the dashed line on)")
    for axes in (memory, descriptors, latency):
        axes.set_ylim(bottom=0)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    figure.suptitle(f"{record.call}: {record.per_second:.0f} requests/s", fontsize=10)
    return [save(figure, folder, f"{stem}-over-time")]
