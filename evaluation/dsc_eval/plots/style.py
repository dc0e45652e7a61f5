"""Style and saving of figures: colours that the colour-blind can distinguish, one per family."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dsc_eval.reading import Record

# Okabe and Ito's palette.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#777777"
DPI = 150  # pixels per inch of the PNG
_SETTINGS: Any = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.markersize": 5,
    "svg.hashsalt": "dsc",
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class Look:
    """Colour, marker, dash pattern and name in the paper of a scheme."""

    colour: str
    marker: str
    line: str
    label: str


# Colour is the family; solid is what fits into a small packet, dashed is the raw feature.
LOOKS = {
    "dsc": Look(VERMILION, "*", "-", "this project (dsc)"),
    "dsc-shared": Look(ORANGE, "D", "-", "shared code (dsc-shared)"),
    "dsc-pq": Look(BLUE, "o", "-", "DSC+PQ"),
    "dsc-raw": Look(BLUE, "o", "--", "DSC"),
    "duc-ivf-pq": Look(GREEN, "s", "-", "DUC-IVF+PQ"),
    "duc-ivf-raw": Look(GREEN, "s", "--", "DUC-IVF"),
    "duc-imi-pq": Look(PURPLE, "^", "-", "DUC-IMI+PQ"),
    "duc-imi-raw": Look(PURPLE, "^", "--", "DUC-IMI"),
    "duc-gp-raw": Look(SKY, "v", "--", "DUC-G+P"),
    "duc-pq": Look(GREY, "x", "-.", "DUC+PQ (no head)"),
    "exhaustive": Look(BLACK, "", ":", "exhaustive, raw (limit)"),
    "analog-pca": Look(BLUE, "P", "-", "376 components, uncoded (analog-pca)"),
    "hybrid": Look(GREEN, "X", "-", "head, and 160 components uncoded (hybrid)"),
}
MODE_LOOKS = {
    "bpsk": Look(VERMILION, "o", "-", "BPSK"),
    "qpsk": Look(ORANGE, "s", "-", "QPSK"),
    "qam16": Look(PURPLE, "^", "-", "16-QAM"),
    "qam64": Look(PURPLE, "v", "-", "64-QAM"),
    "qam256": Look(PURPLE, "D", "-", "256-QAM"),
    "pam256": Look(BLACK, "D", "-", "256-PAM, eq. (7) to the letter"),
    "integer": Look(GREY, "x", "-", "bytes as integers"),
    "reconstruction": Look(GREY, "+", "-", "noise on the reconstruction"),
    "analog": Look(SKY, "v", "-", "analog, whole feature"),
    "analog-pca": Look(BLUE, "P", "-", "analog, 376 components"),
    "hybrid": Look(GREEN, "X", "-", "hybrid"),
}
RECEIVER_LINES = {"default": "-", "joint": "-", "hard": "--", "list": "-.", "soft": ":"}
_OTHERS = (SKY, BLACK, ORANGE)


def look(scheme: str, number: int = 0) -> Look:
    """The look of a scheme; one that is not of the paper gets one by its number."""
    return LOOKS.get(scheme) or Look(_OTHERS[number % len(_OTHERS)], "P", "-", scheme)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, in the style of all of them."""
    mpl.rcParams.update(_SETTINGS)
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """folder/name.png and folder/name.svg; the same figure gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    with mpl.rc_context(_SETTINGS):
        figure.savefig(png, dpi=DPI, metadata={"Software": None})
        figure.savefig(svg, metadata={"Date": None, "Creator": None})
    return [png, svg]


MAP_LABEL = "mAP (non-interpolated)"


def source_note(row: Record) -> str:
    """A figure's note on data set, network and queries, as far as its CSV has them; with "; " at its end."""
    queries = f"{row['queries']} queries" if row.get("queries") else ""
    return "".join(f"{part}; " for part in (row.get("dataset"), row.get("network"), queries) if part)


def simulated_note(simulated: int) -> str:
    """A figure's note on simulated images; empty when there are none."""
    return f", {simulated:,} of them simulated" if simulated else ""
