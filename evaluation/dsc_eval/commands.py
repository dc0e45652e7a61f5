"""The command of an experiment: checks, loads the data, measures, and prints the rows."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from dsc_common.cli.streams import say
from dsc_common.errors import InvalidInputError
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.experiments.running import run_on_sets, settings_of
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance, load_benchmark_data, load_feature_data
from dsc_eval.options import (
    DEFAULT_BACKBONE,
    Append,
    Backbone,
    Config,
    Distractors,
    Features,
    FileName,
    GroundTruths,
    Model,
    Out,
    Resume,
)
from dsc_eval.output import Row, require_writable
from dsc_eval.row_table import show_rows
from dsc_eval.setting_options import command_with_settings


def command_of(experiment: Experiment) -> Callable[..., None]:
    """The function that Typer makes `dsc-eval run NAME` of."""
    return command_with_settings(experiment.settings, partial(_run, experiment))


def _run(
    experiment: Experiment,
    chosen: Mapping[str, object],
    ground_truth: GroundTruths,
    out: Out,
    features: Features = None,
    distractors: Distractors = None,
    backbone: Backbone = DEFAULT_BACKBONE,
    model: Model = None,
    config: Config = None,
    file_name: FileName = None,
    append: Append = False,
    resume: Resume = False,
) -> None:
    """Check the settings, load the data, run the experiment, write its files and print its rows."""
    settings = settings_of(experiment.name, config, **chosen)  # refuse what is wrong before the long work
    if file_name is not None and (file_name in ("", "..") or Path(file_name).name != file_name):
        raise InvalidInputError(f"expected the name of a file without folder, got {file_name!r}")
    _require_sets(experiment, ground_truth, features or [], distractors or [])
    require_writable(out)
    check = None if experiment.require_fit is None else partial(experiment.require_fit, settings)
    sets = []
    for number, truth in enumerate(ground_truth):
        if features:
            sets.append(load_feature_data(truth, features[number], check))
        else:
            sets.append(load_benchmark_data(truth, backbone, model, distractors or (), check))
        for line in sets[-1][0].benchmark.notices:
            say(f"note: {line}")
    if append and resume:
        raise InvalidInputError("expected --append or --resume, got both")
    rows = run_on_sets(experiment.name, sets, settings, out, file_name, append=append, resume=resume)
    if not rows:
        say(f"{file_name or experiment.file_name or experiment.name}: measured already")
        return
    title = "; ".join(_data_note(data, of_data) for data, of_data in _by_data(sets, rows))
    show_rows(f"{experiment.name}: {title}", rows, experiment.shown or experiment.columns)


def _require_sets(
    experiment: Experiment, truths: Sequence[str], features: Sequence[Path], distractors: Sequence[Path]
) -> None:
    if len(truths) > 1 and experiment.has_figure:
        raise InvalidInputError(f"expected one ground truth, as {experiment.name} has a figure, got several")
    if features and len(features) != len(truths):
        raise InvalidInputError(
            f"expected a feature file for each of {len(truths)} ground truths, got {len(features)}"
        )
    if features and distractors:
        raise InvalidInputError("expected --features or --distractors, got both: distractors are rows, too")


def _by_data(
    sets: Sequence[tuple[BenchmarkData, Provenance]], rows: Sequence[Row]
) -> list[tuple[BenchmarkData, list[Row]]]:
    """Each data set with its rows."""
    return [(data, [row for row in rows if row["dataset"] == data.source["dataset"]]) for data, _ in sets]


def _data_note(data: BenchmarkData, rows: Sequence[Row]) -> str:
    """Data set, network, queries, and every size of the database with its simulated images."""
    sizes = dict.fromkeys((int(row["database"]), int(row["simulated"])) for row in rows)
    images = [
        f"{database:,} images" + (f" ({simulated:,} of them simulated)" if simulated else "")
        for database, simulated in sizes
    ]
    queries = f"{len(data.benchmark.queries)} queries"
    return ", ".join(part for part in (data.benchmark.name, data.network, queries, *images) if part)
