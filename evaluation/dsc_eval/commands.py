"""The command of an experiment, made from its settings: an option for each one with a description."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dsc_common.cli.printable import printable
from dsc_common.cli.streams import say, standard_output
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

_METAVARS = {int: "N,…", float: "X,Y,…"}  # of lists; A,B,… of all others
_WIDTH = 180


def command_of(experiment: Experiment) -> Callable[..., None]:
    """The function that Typer makes `dsc-eval run NAME` of."""
    fields = {name: field for name, field in experiment.settings.model_fields.items() if field.description}

    def command(**given: Any) -> None:  # noqa: ANN401 - as the signature below says
        chosen = {name: _value(given.pop(name), field) for name, field in fields.items()}
        _run(experiment, chosen, **given)

    of_settings = [_parameter(name, field) for name, field in fields.items()]
    shared = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in list(inspect.signature(_run).parameters.values())[2:]
    ]
    command.__signature__ = inspect.Signature([*shared[:2], *of_settings, *shared[2:]])  # type: ignore[attr-defined]
    return command


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    """A setting as a parameter for Typer: a list as text with commas, anything else as it is."""
    item = _item(field)
    kind: Any = field.annotation if item is None else str
    metavar = None if item is None else _METAVARS.get(item, "A,B,…")
    option = typer.Option(metavar=metavar, help=field.description)
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _item(field: FieldInfo) -> type | None:
    """Type of a list's items; None where the setting is no list."""
    return get_args(field.annotation)[0] if get_origin(field.annotation) is list else None


def _value(given: object, field: FieldInfo) -> object:
    """An option as its setting expects it; None where it is not given, or an empty list."""
    item = _item(field)
    if item is None or given is None:
        return given
    parts = [part.strip() for part in str(given).split(",") if part.strip()]
    if item not in _METAVARS:
        return parts or None
    try:
        return [item(part) for part in parts] or None
    except ValueError as error:
        raise InvalidInputError(f"expected numbers with commas between, got {given!r}") from error


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
    _show(f"{experiment.name}: {title}", rows, experiment.shown or experiment.columns)


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


def _show(title: str, rows: Sequence[Row], columns: Sequence[str]) -> None:
    table = Table(title=_plain(title))
    for column in columns:
        is_name = column == "scheme"
        table.add_column(column, justify="left" if is_name else "right", no_wrap=is_name, overflow="fold")
    for row in rows:
        cells = (row[column] for column in columns)
        table.add_row(*(f"{cell:.3f}" if isinstance(cell, float) else _plain(cell) for cell in cells))
    with standard_output():
        Console(width=_WIDTH).print(table)


def _plain(value: object) -> Text:
    """A cell as it is: names of data sets may look like markup."""
    return Text(printable(str(value)))
