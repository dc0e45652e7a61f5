"""`dsc-eval bench`: a command for each benchmark, and one for their figures."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of
from dsc_common.cli.printable import printable
from dsc_common.cli.streams import say, show
from dsc_common.errors import InvalidInputError
from dsc_common.files.lock import locked
from dsc_eval.bench.bench import Bench, BenchSettings
from dsc_eval.bench.other_work import OtherWork
from dsc_eval.bench.record import conditions, described, write_record
from dsc_eval.bench.registry import BENCHES
from dsc_eval.experiments.provenance import Stopwatch
from dsc_eval.experiments.settings import validated
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance, load_benchmark_data, load_feature_data
from dsc_eval.options import DEFAULT_BACKBONE, Backbone, Model, Out
from dsc_eval.output import Row, require_writable
from dsc_eval.row_table import show_rows
from dsc_eval.setting_options import command_with_settings

QUIET = 0.2  # cores

app = typer.Typer(
    help="Measure speed, beside what it competes with; writes JSON. One at a time, on a quiet machine.",
    no_args_is_help=True,
)

GroundTruth = Annotated[
    str, typer.Option(metavar="FILE", help="Ground truth: a JSON file, or NAME:DIR of a published data set.")
]
FeatureFile = Annotated[
    Path | None,
    typer.Option(parser=path_of, metavar="FILE", help="Feature file, in place of photos and a network."),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Write NAME.json, for a run beside another; `bench plot search` draws search-….json, too.",
    ),
]


def run_on(
    bench: Bench,
    settings: BenchSettings,
    data: BenchmarkData,
    origin: Provenance,
    out: Path,
    name: str | None = None,
) -> list[Row]:
    """Measure, write out/NAME.json, and return its rows.

    Raises:
        InvalidInputError: another benchmark is running with this folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    with locked(out / ".bench.lock", f"another benchmark writes to {out}; both would be slower"):
        how = {**conditions(settings), **described(data, origin)}
        watch, others = Stopwatch(), OtherWork()
        rows = list(bench.run(data, settings))
        cores = others.cores()
        spent = {"wall_s": round(watch.seconds(), 1), "others_busy_cores": cores}
        write_record(out / f"{name or bench.name}.json", bench.name, how, rows, spent)
    _warn_if_busy(cores, "kept")
    return rows


def _warn_if_busy(cores: float | None, kept: str) -> None:
    if cores is not None and cores > QUIET:
        say(f"note: other processes {kept} {cores:g} cores busy: times are too long")


def _run(
    bench: Bench,
    chosen: Mapping[str, object],
    ground_truth: GroundTruth,
    out: Out,
    features: FeatureFile = None,
    backbone: Backbone = DEFAULT_BACKBONE,
    model: Model = None,
    file_name: Name = None,
) -> None:
    """Check the settings, load the data, measure, write the file and print the rows."""
    given = {key: value for key, value in chosen.items() if value is not None}
    settings = validated(bench.settings, f"bench {bench.name}", given)
    if file_name is not None and (file_name in ("", "..") or Path(file_name).name != file_name):
        raise InvalidInputError(f"expected the name of a file without folder, got {file_name!r}")
    require_writable(out)
    others = OtherWork()
    if features is None:
        data, origin = load_benchmark_data(ground_truth, backbone, model)
    else:
        data, origin = load_feature_data(ground_truth, features)
    _warn_if_busy(others.cores(), "keep")
    rows = run_on(bench, settings, data, origin, out, file_name)
    show_rows(f"{bench.name}: {data.benchmark.name}, threads: {settings.threads}", rows, bench.shown)


for _bench in BENCHES.values():
    app.command(_bench.name, help=_bench.help)(command_with_settings(_bench.settings, partial(_run, _bench)))


@app.command("plot")
def plot(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(BENCHES)}.")],
    results: Annotated[
        Path, typer.Option(parser=path_of, metavar="DIR", help="Folder with NAME.json; the figures go there.")
    ],
) -> None:
    """Draw NAME.json, and NAME-….json beside it, as PNG and SVG; nothing is measured again."""
    try:
        from dsc_eval.plots.catalogue import BENCH_PLOTS  # noqa: PLC0415 - matplotlib, for this command alone
    except ImportError as error:
        raise InvalidInputError(f"plots need the extra `eval`: {error}") from error
    if name not in BENCH_PLOTS:
        raise InvalidInputError(f"unknown figure {name!r}; expected one of {', '.join(BENCH_PLOTS)}")
    for path in BENCH_PLOTS[name](results):
        show(printable(str(path)))
