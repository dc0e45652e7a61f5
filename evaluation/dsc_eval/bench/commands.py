"""`dsc-eval bench`: a command for each benchmark, and one for their figures."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel

from dsc_common.cli.hardware_option import Device
from dsc_common.cli.paths import path_of
from dsc_common.cli.printable import printable
from dsc_common.cli.progress_bar import bar
from dsc_common.cli.streams import say, show
from dsc_common.errors import InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_common.features.hardware import CPU
from dsc_common.files.lock import locked
from dsc_common.progress import Track, untracked
from dsc_eval.bench import device, energy, extract, precision, reading
from dsc_eval.bench.bench import Bench, BenchSettings
from dsc_eval.bench.device import DeviceBenchSettings
from dsc_eval.bench.energy import EnergySettings
from dsc_eval.bench.extract import ExtractSettings
from dsc_eval.bench.precision import PrecisionSettings
from dsc_eval.bench.reading import ReadingSettings
from dsc_eval.bench.record import conditions, described, write_record
from dsc_eval.bench.registry import BENCHES
from dsc_eval.experiments.provenance import Stopwatch
from dsc_eval.experiments.settings import validated
from dsc_eval.features.benchmark_features import load_extractor
from dsc_eval.features.cache_folder import default_folder
from dsc_eval.load.other_work import OtherWork
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance, load_benchmark_data, load_feature_data
from dsc_eval.options import DEFAULT_BACKBONE, Backbone, Model, Out
from dsc_eval.output import Row, require_writable
from dsc_eval.row_table import show_rows
from dsc_eval.setting_options import command_with_settings
from dsc_model import export_or_copy

QUIET = 0.2  # cores
_Settings = TypeVar("_Settings", bound=BaseModel)

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

    describe = _on_data(settings, settings.threads, data, origin)
    return recorded(bench.name, describe, lambda: bench.run(data, settings), out, name)


def run_extract(
    settings: ExtractSettings,
    extractor: Extractor,
    out: Path,
    name: str | None = None,
    track: Track[Any] = untracked,
) -> list[Row]:
    """The same for the benchmark of extraction, which makes its photos.

    Raises:
        InvalidInputError: another benchmark is running with this folder.
    """
    info = extractor.info

    def describe() -> dict[str, object]:
        network = {"backbone": info.backbone, "longest_side": info.longest_side, "model_sha256": info.sha256}
        return {**conditions(settings, extract.THREADS), "network": network}

    return recorded(extract.NAME, describe, lambda: extract.run(extractor, settings, track), out, name)


def _on_data(
    settings: BaseModel, threads: int, data: BenchmarkData, origin: Provenance
) -> Callable[[], dict[str, object]]:
    """What decides the numbers of a benchmark on the data of a ground truth."""
    return lambda: {**conditions(settings, threads), **described(data, origin)}


def recorded(
    bench: str,
    describe: Callable[[], dict[str, object]],
    measure: Callable[[], Iterable[Row]],
    out: Path,
    name: str | None,
) -> list[Row]:
    """Measure, write out/NAME.json, and return its rows; a line follows where the machine was busy.

    Args:
        bench: name of the benchmark.
        describe: what decides the numbers, before anything is measured.
        measure: makes the rows.
        out: folder of the file.
        name: of the file, without its suffix; None: that of the benchmark.

    Raises:
        InvalidInputError: another benchmark is running with this folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    with locked(out / ".bench.lock", f"another benchmark writes to {out}; both would be slower"):
        how = describe()
        watch, others = Stopwatch(), OtherWork()
        rows = list(measure())
        cores = others.cores()
        spent = {"wall_s": round(watch.seconds(), 1), "others_busy_cores": cores}
        write_record(out / f"{name or bench}.json", bench, how, rows, spent)
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
    settings = checked(bench.settings, bench.name, chosen, out, file_name)
    others = OtherWork()
    if features is None:
        data, origin = load_benchmark_data(ground_truth, backbone, model)
    else:
        data, origin = load_feature_data(ground_truth, features)
    _warn_if_busy(others.cores(), "keep")
    rows = run_on(bench, settings, data, origin, out, file_name)
    show_rows(f"{bench.name}: {data.benchmark.name}, threads: {settings.threads}", rows, bench.shown)


def _run_extract(
    chosen: Mapping[str, object],
    out: Out,
    backbone: Backbone = DEFAULT_BACKBONE,
    model: Model = None,
    device: Device = CPU,
    file_name: Name = None,
) -> None:
    settings = checked(ExtractSettings, extract.NAME, chosen, out, file_name)
    others = OtherWork()
    extractor = load_extractor(backbone, model, hardware=device)
    _warn_if_busy(others.cores(), "keep")
    rows = run_extract(settings, extractor, out, file_name, bar)
    show_rows(f"{extract.NAME}: {extractor.info.backbone}", rows, extract.SHOWN)


def _run_device(
    chosen: Mapping[str, object],
    ground_truth: GroundTruth,
    out: Out,
    backbone: Backbone = DEFAULT_BACKBONE,
    model: Model = None,
    file_name: Name = None,
) -> None:
    settings = checked(DeviceBenchSettings, device.NAME, chosen, out, file_name)
    with tempfile.TemporaryDirectory() as folder:
        if model is None:
            model = Path(folder) / "model.onnx"
            export_or_copy(backbone, model, store=default_folder(), say=say)
        data, origin = load_benchmark_data(ground_truth, backbone, model)
        describe = _on_data(settings, settings.threads, data, origin)
        measure = partial(device.run, data, settings, model)
        rows = recorded(device.NAME, describe, measure, out, file_name)
    show_rows(f"{device.NAME}: {data.benchmark.name}", rows, device.SHOWN)


def _run_energy(
    chosen: Mapping[str, object],
    ground_truth: GroundTruth,
    out: Out,
    backbone: Backbone = DEFAULT_BACKBONE,
    model: Model = None,
    file_name: Name = None,
) -> None:
    settings = checked(EnergySettings, energy.NAME, chosen, out, file_name)
    data, origin = load_benchmark_data(ground_truth, backbone, model)
    describe = _on_data(settings, energy.THREADS, data, origin)
    rows = recorded(energy.NAME, describe, lambda: energy.run(data, settings), out, file_name)
    show_rows(f"{energy.NAME}: {data.benchmark.name}", rows, energy.SHOWN)


def _run_reading(
    chosen: Mapping[str, object],
    ground_truth: GroundTruth,
    out: Out,
    backbone: Backbone = DEFAULT_BACKBONE,
    model: Model = None,
    file_name: Name = None,
) -> None:
    settings = checked(ReadingSettings, reading.NAME, chosen, out, file_name)
    extractor = load_extractor(backbone, model, default_folder(), say)
    data, origin = load_benchmark_data(ground_truth, backbone, model)
    describe = _on_data(settings, reading.THREADS, data, origin)
    rows = recorded(reading.NAME, describe, lambda: reading.run(data, settings, extractor), out, file_name)
    show_rows(f"{reading.NAME}: {data.benchmark.name}", rows, reading.SHOWN)


def checked(
    kind: type[_Settings], name: str, chosen: Mapping[str, object], out: Path, file_name: str | None
) -> _Settings:
    """The settings that were chosen; the other options are checked, too."""
    given = {key: value for key, value in chosen.items() if value is not None}
    settings = validated(kind, f"bench {name}", given)
    if file_name is not None and (file_name in ("", "..") or Path(file_name).name != file_name):
        raise InvalidInputError(f"expected the name of a file without folder, got {file_name!r}")
    require_writable(out)
    return settings


for _bench in BENCHES.values():
    app.command(_bench.name, help=_bench.help)(command_with_settings(_bench.settings, partial(_run, _bench)))
_extract_command = command_with_settings(ExtractSettings, _run_extract)
app.command(extract.NAME, help="Photos per second of a build, and where the time goes.")(_extract_command)
_device_command = command_with_settings(DeviceBenchSettings, _run_device)
app.command(device.NAME, help="A device's photo by step, its start, its memory, and coding.")(_device_command)
_energy_command = command_with_settings(EnergySettings, _run_energy)
app.command(energy.NAME, help="Energy over the air of a query, beside the least of its photo.")(
    _energy_command
)
_reading_command = command_with_settings(ReadingSettings, _run_reading)
app.command(reading.NAME, help="Time and mAP of reading large JPEG files reduced, or whole.")(
    _reading_command
)
app.command(precision.BENCH.name, help=precision.BENCH.help)(
    command_with_settings(PrecisionSettings, partial(_run, precision.BENCH))
)
NAMES = (*BENCHES, extract.NAME, device.NAME, energy.NAME)  # of the benchmarks with a figure


@app.command("plot")
def plot(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(NAMES)}.")],
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
