"""Photos per second by kind, from extract.json and extract-….json, beside what the processor time allows."""

from pathlib import Path

from dsc_eval.bench.record import read_runs
from dsc_eval.plots.style import BLACK, BLUE, GREEN, ORANGE, VERMILION, new_figure, save

NAME = "extract"
COLOURS = (VERMILION, BLUE, ORANGE, GREEN)
WIDTH, HEIGHT = 6.4, 3.4  # inches


def plot(results: Path) -> list[Path]:
    """results/extract.json, and any extract-….json beside it → PNG and SVG."""
    runs = read_runs(results, NAME)
    first = runs[NAME]
    kinds = [str(row["kind"]) for row in first["rows"]]
    figure = new_figure(WIDTH, HEIGHT)
    axes = figure.subplots()
    width = 0.8 / len(runs)
    for number, (name, record) in enumerate(runs.items()):
        rows = [row for row in record["rows"] if row["kind"] in kinds]
        places = [kinds.index(str(row["kind"])) + (number - (len(runs) - 1) / 2) * width for row in rows]
        rates, limits = ([float(row[column]) for row in rows] for column in ("per_second", "limit"))
        colour = COLOURS[number % len(COLOURS)]
        label = "this version" if name == NAME else name.removeprefix(f"{NAME}-")
        axes.bar(places, rates, 0.9 * width, color=colour, label=label)
        limit = "cores / processor time of a photo" if not number else ""
        axes.hlines(
            limits,
            [place - width / 2 for place in places],
            [place + width / 2 for place in places],
            colors=BLACK,
            label=limit,
        )
    axes.set_xticks(range(len(kinds)), kinds)
    axes.set_ylabel("photos per second")
    axes.grid(visible=False, axis="x")
    hardware, network = first["hardware"], first["network"]
    axes.set_title(
        f"{network['backbone']} at {network['longest_side']} pixels; "
        f"{hardware['cores']} cores of {hardware['cpu']}",
        fontsize=9,
    )
    axes.legend(fontsize=8)
    return save(figure, results, NAME)
