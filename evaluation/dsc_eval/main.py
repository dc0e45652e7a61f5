"""The command `dsc-eval`: experiments over the services' own core."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from dsc_common.cli import run_app
from dsc_eval.comparison import COLUMNS, Row, compare, write_csv
from dsc_eval.features import extract_benchmark, load_extractor
from dsc_eval.ground_truth import read_ground_truth
from dsc_server.backbones import BACKBONES
from dsc_server.progress import bar
from dsc_server.scheme_specs import SCHEMES, parse_scheme

app = typer.Typer(help="Evaluation: experiments over the services' own core.", no_args_is_help=True)
run = typer.Typer(help="Run an experiment; writes CSV.", no_args_is_help=True)
app.add_typer(run, name="run")


@run.callback()
def experiments() -> None:
    """Run an experiment; writes CSV."""


@run.command("compare")
def run_compare(
    ground_truth: Annotated[Path, typer.Option(metavar="FILE", help="Ground truth, a JSON file.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where metrics.csv goes.")],
    schemes: Annotated[
        str, typer.Option(metavar="A,B,…", help=f"Schemes, with commas between: {', '.join(SCHEMES)}.")
    ] = ",".join(SCHEMES),
    backbone: Annotated[
        str, typer.Option(help=f"Feature extractor: {', '.join(BACKBONES)}.")
    ] = "efficientnet-lite0",
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="DSC_SERVER_MODEL",
            help="An ONNX model made by `dsc-server export`, instead of a backbone.",
        ),
    ] = None,
) -> None:
    """Schemes side by side on one benchmark, without noise: DIR/metrics.csv, one row per scheme."""
    names = [name.strip() for name in schemes.split(",") if name.strip()]
    for name in names:
        parse_scheme(name)  # refuse a misspelt one before the long work
    benchmark = read_ground_truth(ground_truth)
    features = extract_benchmark(benchmark, load_extractor(backbone, model), bar)
    rows = compare(benchmark, features, names)
    write_csv(out / "metrics.csv", rows)
    _show(benchmark.name, rows)


def _show(title: str, rows: list[Row]) -> None:
    table = Table(title=title)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "scheme" else "right")
    for row in rows:
        cells = (row[column] for column in COLUMNS)
        table.add_row(*(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells))
    Console(width=140).print(table)


def main() -> NoReturn:
    """Entry point of `dsc-eval`."""
    run_app(app)
