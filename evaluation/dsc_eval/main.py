"""The command `dsc-eval`: experiments over the services' own core."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from dsc_common.cli.app import run_app
from dsc_common.cli.progress_bar import bar
from dsc_common.errors import InvalidInputError
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import Fading, HeadProtection
from dsc_common.radio.modes import Mode
from dsc_eval.download.download import download
from dsc_eval.download.sources import SOURCES
from dsc_eval.experiments.compare import HEAD_LABELS, SHOWN, compare, write_csv
from dsc_eval.experiments.running import EXPERIMENTS, run_experiment, settings_of
from dsc_eval.offline.material import load_material
from dsc_eval.options import (
    Backbone,
    Config,
    Distractors,
    Draws,
    FileName,
    GroundTruth,
    Model,
    Out,
    Points,
    Receivers,
    Schemes,
    Seed,
    Simulate,
)
from dsc_eval.output import Row
from dsc_server.scheme_specs import SCHEMES, UNCODED, parse_scheme

app = typer.Typer(help="Evaluation: experiments over the services' own core.", no_args_is_help=True)
run = typer.Typer(help="Run an experiment; writes CSV.", no_args_is_help=True)
app.add_typer(run, name="run")

ALL_SCHEMES = ",".join(name for name in SCHEMES if name not in UNCODED)


@run.callback()
def experiments() -> None:
    """Run an experiment; writes CSV."""


@run.command("compare")
def run_compare(
    ground_truth: GroundTruth,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where metrics.csv goes.")],
    schemes: Schemes = ALL_SCHEMES,
    backbone: Backbone = "efficientnet-lite0",
    model: Model = None,
) -> None:
    """Schemes side by side on one benchmark, without noise: DIR/metrics.csv, one row per scheme."""
    names = _names(schemes) or ALL_SCHEMES.split(",")
    for name in names:
        parse_scheme(name).require_head(HEAD_LABELS)  # refuse what cannot be before the long work
    material, _ = load_material(ground_truth, backbone, model)
    _notify(material.benchmark.notices)
    rows = compare(material.benchmark, material.features, names)
    write_csv(out / "metrics.csv", rows)
    _show(material.benchmark.name, rows, SHOWN)


@run.command("fig3")
def run_fig3(
    ground_truth: GroundTruth,
    out: Out,
    schemes: Schemes = None,
    modes: Annotated[
        str | None, typer.Option(metavar="A,B,…", help=f"How packets go on the air: {', '.join(Mode)}.")
    ] = None,
    receivers: Receivers = None,
    snr_db: Points = None,
    draws: Draws = None,
    fading: Annotated[Fading | None, typer.Option(help="How the gain of the channel varies.")] = None,
    channel_knowledge: Annotated[
        bool | None,
        typer.Option("--channel-knowledge/--no-channel-knowledge", help="The receiver knows the gains."),
    ] = None,
    fec: Annotated[Fec | None, typer.Option(help="Forward error correction.")] = None,
    uses: Annotated[
        int | None, typer.Option(help="Channel uses of a packet; 0: what the mode needs.")
    ] = None,
    head_protection: Annotated[
        HeadProtection | None,
        typer.Option(help="How the head travels: as the rest, or by a genie, without errors."),
    ] = None,
    simulate: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Add N simulated images to the database (labelled so in all that is written).",
        ),
    ] = None,
    distractors: Distractors = None,
    backbone: Backbone = "efficientnet-lite0",
    model: Model = None,
    config: Config = None,
    seed: Seed = None,
    file_name: FileName = None,
) -> None:
    """Fig. 3: mAP against SNR, and what causes it; modes of uncoded features send a scheme of their own."""
    chosen = {
        "schemes": _names(schemes),
        "modes": _names(modes),
        "receivers": _names(receivers),
        "snr_db": _names(snr_db),
        "draws": draws,
        "fading": fading,
        "channel_knowledge": channel_knowledge,
        "fec": fec,
        "uses": uses,
        "head_protection": head_protection,
        "simulate": simulate,
        "seed": seed,
    }
    _run("fig3", ground_truth, out, distractors, backbone, model, config, chosen, file_name)


@run.command("ablation")
def run_ablation(
    ground_truth: GroundTruth,
    out: Out,
    schemes: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Whose steps; all of those in the settings by default."),
    ] = None,
    draws: Draws = None,
    distractors: Distractors = None,
    backbone: Backbone = "efficientnet-lite0",
    model: Model = None,
    config: Config = None,
    seed: Seed = None,
    file_name: FileName = None,
) -> None:
    """What each ingredient of the receiver adds over noise, at 376 uses of BPSK."""
    chosen = {"schemes": _names(schemes), "draws": draws, "seed": seed}
    _run("ablation", ground_truth, out, distractors, backbone, model, config, chosen, file_name)


@run.command("decoding")
def run_decoding(
    ground_truth: GroundTruth,
    out: Out,
    schemes: Schemes = None,
    receivers: Receivers = None,
    snr_db: Points = None,
    packets: Annotated[int | None, typer.Option(help="How many are timed.")] = None,
    simulate: Simulate = None,
    distractors: Distractors = None,
    backbone: Backbone = "efficientnet-lite0",
    model: Model = None,
    config: Config = None,
    seed: Seed = None,
    file_name: FileName = None,
) -> None:
    """Time to decode one packet, and what each step takes; OPENBLAS_NUM_THREADS=1 keeps it on one core."""
    chosen = {
        "schemes": _names(schemes),
        "receivers": _names(receivers),
        "snr_db": _names(snr_db),
        "packets": packets,
        "simulate": _numbers(simulate),
        "seed": seed,
    }
    _run("decoding", ground_truth, out, distractors, backbone, model, config, chosen, file_name)


def _over_databases(name: str) -> Callable[..., None]:
    """The command of an experiment that measures schemes over one database or several."""

    def command(
        ground_truth: GroundTruth,
        out: Out,
        schemes: Schemes = None,
        simulate: Simulate = None,
        distractors: Distractors = None,
        backbone: Backbone = "efficientnet-lite0",
        model: Model = None,
        config: Config = None,
        seed: Seed = None,
        file_name: FileName = None,
    ) -> None:
        chosen = {"schemes": _names(schemes), "simulate": _numbers(simulate), "seed": seed}
        _run(name, ground_truth, out, distractors, backbone, model, config, chosen, file_name)

    return command


OVER_DATABASES = {
    "fig2": "Fig. 2: mAP against the number of labels in the head, without noise.",
    "table1": "Table I: every scheme at every size of the database: accuracy, bytes, time, memory.",
    "beyond": "What each step beyond the paper adds at the same 47 bytes.",
}
for _name, _help in OVER_DATABASES.items():
    run.command(_name, help=_help)(_over_databases(_name))


@app.command("plot")
def plot(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(EXPERIMENTS)}.")],
    results: Annotated[Path, typer.Option(metavar="DIR", help="Folder with NAME.csv; the figures go there.")],
) -> None:
    """Draw an experiment's CSV as PNG and SVG; nothing is computed anew."""
    try:
        from dsc_eval.plots.catalogue import PLOTS  # noqa: PLC0415 - matplotlib, for this command alone
    except ImportError as error:
        raise InvalidInputError(f"plots need the extra `eval`: {error}") from error
    if name not in PLOTS:
        raise InvalidInputError(f"unknown figure {name!r}; expected one of {', '.join(PLOTS)}")
    for path in PLOTS[name](results):
        typer.echo(path)


def _run(
    name: str,
    ground_truth: str,
    out: Path,
    distractors: list[Path] | None,
    backbone: str,
    model: Path | None,
    config: Path | None,
    chosen: Mapping[str, object],
    file_name: str | None = None,
) -> None:
    settings = settings_of(name, config, **chosen)  # refuse what is wrong before the long work
    if file_name is not None and (not file_name or Path(file_name).name != file_name):
        raise InvalidInputError(f"expected the name of a file without folder, got {file_name!r}")
    experiment = EXPERIMENTS[name]
    check = None if experiment.require_fit is None else partial(experiment.require_fit, settings)
    material, origin = load_material(ground_truth, backbone, model, distractors or (), check)
    _notify(material.benchmark.notices)
    rows = run_experiment(name, material, settings, origin, out, file_name)
    _show(f"{name}: {material.benchmark.name}", rows, experiment.shown or experiment.columns)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str | None) -> list[int] | None:
    try:
        return None if text is None else [int(name) for name in _names(text) or []]
    except ValueError as error:
        raise InvalidInputError(f"expected numbers with commas between, got {text!r}") from error


def _notify(notices: Sequence[str]) -> None:
    for line in notices:
        typer.echo(f"note: {line}", err=True)


def _show(title: str, rows: list[Row], columns: Sequence[str]) -> None:
    table = Table(title=title)
    for column in columns:
        is_name = column == "scheme"
        table.add_column(column, justify="left" if is_name else "right", no_wrap=is_name, overflow="fold")
    for row in rows:
        cells = (row[column] for column in columns)
        table.add_row(*(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells))
    Console(width=180).print(table)


@app.command("download")
def run_download(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(SOURCES)}.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where data sets are kept.")],
    accept_changed: Annotated[
        bool, typer.Option("--accept-changed", help="Take files whose checksum is not the recorded one.")
    ] = False,
) -> None:
    """Fetch a published data set: resumes, verifies checksums, unpacks."""
    folder = download(name, out, _say, bar, accept_changed)
    print(folder)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> NoReturn:
    """Entry point of `dsc-eval`."""
    run_app(app)
