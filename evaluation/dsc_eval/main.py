"""The command `dsc-eval`: experiments that call the services' core directly."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dsc_common.cli.app import run_app
from dsc_common.cli.paths import path_of
from dsc_common.cli.printable import printable
from dsc_common.cli.progress_bar import bar
from dsc_common.cli.streams import say, show
from dsc_common.errors import InvalidInputError
from dsc_eval.bench.commands import app as bench
from dsc_eval.commands import command_of
from dsc_eval.datasets.cover_benchmark import make_cover_benchmark
from dsc_eval.download.download import download
from dsc_eval.download.sources import SOURCES
from dsc_eval.experiments.running import EXPERIMENTS
from dsc_eval.feature_commands import app as features
from dsc_eval.load.command import load
from dsc_eval.load_test.commands import (
    LOAD_TEST_HELP,
    SOAK_HELP,
    load_report,
    load_test_command,
    soak_command,
)
from dsc_eval.models import networks, training_settings
from dsc_eval.models.command import loss, networks_command, training_command
from dsc_eval.tables.document import fill_file

app = typer.Typer(help="Evaluation: experiments that call the services' core directly.", no_args_is_help=True)
run = typer.Typer(help="Run an experiment; writes CSV and JSON.", no_args_is_help=True)
app.add_typer(run, name="run")
app.add_typer(features, name="features")
bench.command(networks.NAME, help="Networks side by side: cost, and the mAP that queries lose.")(
    networks_command
)
bench.command(training_settings.NAME, help="What training gains on groups that it has not seen.")(
    training_command
)
app.add_typer(bench, name="bench")
app.command("loss")(loss)
app.command("load")(load)
app.command("load-test", help=LOAD_TEST_HELP)(load_test_command)
app.command("soak", help=SOAK_HELP)(soak_command)
app.command("load-report")(load_report)
for _experiment in EXPERIMENTS.values():
    run.command(_experiment.name, help=_experiment.help)(command_of(_experiment))

FIGURES = [name for name, experiment in EXPERIMENTS.items() if experiment.has_figure]


@app.command("plot")
def plot(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(FIGURES)}.")],
    results: Annotated[
        Path, typer.Option(parser=path_of, metavar="DIR", help="Folder with NAME.csv; the figures go there.")
    ],
) -> None:
    """Draw an experiment's CSV as PNG and SVG; nothing is computed again."""
    try:
        from dsc_eval.plots.catalogue import PLOTS  # noqa: PLC0415 - matplotlib, for this command alone
    except ImportError as error:
        raise InvalidInputError(f"plots need the extra `eval`: {error}") from error
    if name not in PLOTS:
        raise InvalidInputError(f"unknown figure {name!r}; expected one of {', '.join(PLOTS)}")
    for path in PLOTS[name](results):
        show(printable(str(path)))


@app.command("tables")
def tables(
    results: Annotated[
        Path, typer.Option(parser=path_of, metavar="DIR", help="Folder with the CSV or JSON files.")
    ],
    document: Annotated[
        Path,
        typer.Option(parser=path_of, metavar="FILE", help="Markdown document with tables between markers."),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 if a table is out of date.")
    ] = False,
) -> None:
    """Rewrite the tables of a document in place, from CSV and JSON files of results."""
    fill_file(document, results, check)


@app.command("covers")
def covers(
    photos: Annotated[
        Path, typer.Argument(parser=path_of, metavar="PHOTOS", help="Folder of photos, of any kind.")
    ],
    out: Annotated[Path, typer.Option(parser=path_of, metavar="DIR", help="New folder for the data set.")],
    queries: Annotated[int, typer.Option(min=1, help="Covers that are photographed.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is random.")] = 0,
) -> None:
    """Make a data set of printed covers from photos: queries photograph covers of the database."""
    show(printable(str(make_cover_benchmark(photos, out, queries, seed, track=bar))))


@app.command("download")
def run_download(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(SOURCES)}.")],
    out: Annotated[Path, typer.Option(parser=path_of, metavar="DIR", help="Folder for data sets.")],
    accept_changed: Annotated[
        bool, typer.Option("--accept-changed", help="Accept files whose checksum is not the recorded one.")
    ] = False,
) -> None:
    """Fetch a published data set: resumes, verifies checksums, unpacks."""
    folder = download(name, out, say, bar, accept_changed)
    show(printable(str(folder)))


def main() -> NoReturn:
    """Entry point of `dsc-eval`."""
    run_app(app)
