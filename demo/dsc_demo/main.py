"""`dsc-demo`: photo → 47 bytes → noisy channel → ranked images, in three processes, on real photos."""

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dsc_common.cli.app import run_app
from dsc_common.cli.paths import path_of
from dsc_common.cli.printable import printable
from dsc_common.cli.streams import say
from dsc_common.errors import InvalidImageError
from dsc_demo.answers import Round, snr_name
from dsc_demo.gallery import Gallery, write_gallery, write_own_gallery
from dsc_demo.outfolder import check_apart, reserved_out
from dsc_demo.photos import photos_below
from dsc_demo.report import write_report
from dsc_demo.run import SNRS_DB, Services, build_index, query_at, start_services
from dsc_demo.table import channel_table, scene_table

_PIPED_WIDTH = 108

app = typer.Typer(
    help="Run the whole system on real photos: three processes, five channels, one report.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

Out = Annotated[
    Path,
    typer.Option(
        "--out", parser=path_of, metavar="DIR", help="Folder to write to (created, or one of an earlier run)."
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the query views and of the channel's noise.")]


@app.callback(invoke_without_command=True)
def demo(
    context: typer.Context,
    images: Annotated[
        Path | None,
        typer.Option(
            parser=path_of,
            metavar="DIR",
            help="Your own photos instead of the gallery.",
            show_default="the gallery",
        ),
    ] = None,
    out: Out = Path("demo-out"),
    seed: Seed = 0,
) -> None:
    """Build an index, query it over a noisy channel, print tables and write report.html."""
    if context.invoked_subcommand is not None:
        return
    if images is not None:
        check_apart(images, out)
        photos_below(images)  # before anything is written
    with reserved_out(out) as folder:
        _demonstrate(_console(), images, folder, seed)


def _demonstrate(console: Console, images: Path | None, out: Path, seed: int) -> None:
    gallery = _prepare(console, images, out, seed)
    console.print("[bold]2/4[/]  index: features, partitions and codebooks (dsc-server build)")
    built = build_index(gallery.database, out / "index")
    gallery = replace(gallery, photos=built.images)
    console.print(
        f"     {built.images} photos in {built.partitions_in_use} of {built.labels} partitions",
        highlight=False,
    )
    rounds = _run(console, gallery, out, seed)
    for table in (scene_table(rounds), channel_table(rounds)):
        console.print()
        console.print(table)
    write_report(out / "report.html", gallery, rounds)
    console.print(f"report: {_name(out / 'report.html')}", soft_wrap=True, highlight=False)


@app.command()
def gallery(out: Out, seed: Seed = 0) -> None:
    """Write only the gallery: photos, held-out queries and the ground truth."""
    with reserved_out(out) as folder:
        written = write_gallery(folder, seed)
    words = f"{written.photos} photos in the database, {_views_words(written)}"
    _console().print(words, highlight=False)


def main() -> None:
    """Run the command line."""
    run_app(app)


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)


def _name(path: Path) -> str:
    return escape(printable(str(path)))


def _views_words(written: Gallery) -> str:
    return f"{len(written.queries)} held-out views of {len(written.scenes)} scenes to ask for"


def _prepare(console: Console, images: Path | None, out: Path, seed: int) -> Gallery:
    where = (
        "real photos that installed packages ship" if images is None else f"your photos in {_name(images)}"
    )
    console.print(f"[bold]1/4[/]  gallery: {where}", highlight=False)
    written = (
        write_gallery(out / "gallery", seed)
        if images is None
        else write_own_gallery(images, out / "gallery", seed, on_left_out=_print_left_out)
    )
    # How many of a user's photos are in the database is known when it is built.
    database = f"{written.photos} photos in the database, " if images is None else ""
    console.print(f"     {database}{_views_words(written)}", highlight=False)
    return written


def _print_left_out(error: InvalidImageError) -> None:
    say(f"left out as a scene: {error}")


def _run(console: Console, written: Gallery, out: Path, seed: int) -> list[Round]:
    """Start the services, send every query at every SNR, keep the device's lines below `out`/answers."""
    with ExitStack() as stack:
        services = start_services(out / "index", stack)
        console.print(
            f"[bold]3/4[/]  server on {services.server}, channel on {services.channel}", highlight=False
        )
        names = ", ".join(snr_name(snr_db) for snr_db in SNRS_DB)
        console.print(f"[bold]4/4[/]  device: {len(written.queries)} photos at {names}", highlight=False)
        return _ask(written, services, out / "answers", seed)


def _ask(written: Gallery, services: Services, answers: Path, seed: int) -> list[Round]:
    answers.mkdir()
    columns = (TextColumn("     {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    rounds = []
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(SNRS_DB) * len(written.queries))
        for snr_db in SNRS_DB:
            progress.update(task, description=snr_name(snr_db))
            each, lines = query_at(
                written, services, snr_db, seed=seed, on_answer=lambda: progress.advance(task)
            )
            (answers / f"snr-{snr_db:g}.jsonl").write_text("\n".join(lines) + "\n")
            rounds.append(each)
    return rounds
