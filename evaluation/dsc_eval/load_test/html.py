"""The report of a load test or a soak test: one HTML file with its figures inside."""

import base64
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from dsc_eval.load.report import statuses_text
from dsc_eval.load_test import bottleneck, flatness
from dsc_eval.load_test.record import LoadTest, Soak
from dsc_eval.output import write_text
from dsc_eval.plots.load_rates import draw_part
from dsc_eval.plots.soak import draw_soak


def write_report(html: Path, record: LoadTest | Soak) -> list[Path]:
    """Write the figures beside the report, and the report with the figures in it.

    Args:
        html: the file.
        record: what it shows.

    Returns:
        All files that were written.
    """
    folder, stem = html.parent, html.stem
    if isinstance(record, LoadTest):
        figures = [draw_part(record, number, folder, stem) for number in range(len(record.parts))]
    else:
        figures = [draw_soak(record, folder, stem)]
    write_text(html, report_html(record, figures))
    return [html, *(path for of_part in figures for figure in of_part for path in figure)]


def report_html(record: LoadTest | Soak, figures: Sequence[Sequence[Sequence[Path]]]) -> str:
    """The report as text, every value escaped.

    Args:
        record: what it shows.
        figures: of each part: figures, each with its files, an SVG among them.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["statuses"] = statuses_text
    environment.filters["number"] = _number
    template = environment.from_string(_read(f"{record.kind}.html.jinja"))
    return template.render(
        record=record,
        images=[[_data_uri(figure) for figure in of_part] for of_part in figures],
        style=Markup(_read("report.css")),  # noqa: S704 - a file of this package
        rule=bottleneck.RULE if isinstance(record, LoadTest) else flatness.RULE,
    )


def _number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _read(name: str) -> str:
    return files("dsc_eval.load_test").joinpath(name).read_text(encoding="utf-8")


def _data_uri(figure: Sequence[Path]) -> str:
    svg = next(path for path in figure if path.suffix == ".svg")
    return "data:image/svg+xml;base64," + base64.b64encode(svg.read_bytes()).decode()
