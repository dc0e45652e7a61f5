"""`dsc-eval load-test`, `dsc-eval soak` and `dsc-eval load-report`."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from dsc_common.cli.paths import path_of
from dsc_common.cli.printable import printable
from dsc_common.cli.settings import refused_as_setting
from dsc_common.cli.streams import show
from dsc_common.errors import DscError, InvalidInputError, SettingError
from dsc_device.connection_options import with_connection_options
from dsc_device.settings import DeviceSettings
from dsc_eval.experiments.settings import validated
from dsc_eval.load.other_work import OtherWork
from dsc_eval.load_test.beds import Source, are_given, beds, require_fitting
from dsc_eval.load_test.measuring import measured_part
from dsc_eval.load_test.record import (
    Conditions,
    LoadTest,
    Soak,
    as_object,
    read_record,
    write_record,
)
from dsc_eval.load_test.settings import LoadTestSettings, OfferSettings, SoakSettings
from dsc_eval.load_test.soak import soaked
from dsc_eval.options import Model
from dsc_eval.output import Row, as_json, require_writable
from dsc_eval.row_table import show_rows
from dsc_eval.setting_options import command_with_settings

_Settings = TypeVar("_Settings", bound=OfferSettings)
_EMPTY_COLUMNS = ("services", "call", "clients", "per_second", "p50_ms", "p99_ms", "errors")
_STEP_COLUMNS = (
    *("rate", "per_second", "p50_ms", "p90_ms", "p99_ms", "offered", "errors", "not_sent"),
    *("late_p99_ms", "generator_busy", "verdict"),
)
_FINDING_COLUMNS = ("looked at", "verdict", "figures")

Photos = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PHOTO…]", help="Photos to send to services that run already.", show_default=False
    ),
]
Out = Annotated[
    Path,
    typer.Option(parser=path_of, metavar="DIR", help="Folder for the JSON file, the report and figures."),
]
Features = Annotated[
    Path | None,
    typer.Option(parser=path_of, metavar="FILE", help="Feature file, in place of photos."),
]
GroundTruth = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Photos of the services that are started: a JSON file, or NAME:DIR of a published data set. "
        "(default: the demonstration's)",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the JSON file.")]


def _load_test(
    chosen: Mapping[str, object],
    photos: Photos = None,
    out: Out = Path("results/load"),
    ground_truth: GroundTruth = None,
    model: Model = None,
    features: Features = None,
    json_text: Json = False,
    *,
    settings: DeviceSettings,
) -> None:
    """Find the highest rate that server and channel hold, in an open loop, and what limits it.

    Without addresses, server and channel are started on an index of the demonstration's photos.
    """
    source = Source(photos or [], features, ground_truth, model)
    offered = _checked(LoadTestSettings, "load-test", chosen, out)
    require_fitting(source, settings)
    record = _measured(source, offered, settings)
    files = _written(out, "report", record)
    if json_text:
        show(as_json(as_object(record)).rstrip("\n"))
    else:
        _show_load_test(record)
        _show_files(files)
    if all(result.ramp.held is None for part in record.parts for result in part.calls):
        raise DscError(f"no rate held with p99 within {record.bound.p99_ms:g} ms")


def _soak(
    chosen: Mapping[str, object],
    photos: Photos = None,
    out: Out = Path("results/load"),
    ground_truth: GroundTruth = None,
    model: Model = None,
    features: Features = None,
    json_text: Json = False,
    *,
    settings: DeviceSettings,
) -> None:
    """Offer a steady rate for a long time; are memory and descriptors of the services flat?

    Exit code 1 if they are not, or if there was an error.
    """
    source = Source(photos or [], features, ground_truth, model)
    offered = _checked(SoakSettings, "soak", chosen, out)
    if len(offered.schemes) > 1:
        raise SettingError(f"--schemes: expected one scheme, got {', '.join(offered.schemes)}")
    require_fitting(source, settings)
    others = OtherWork()
    with closing(beds(source, offered, settings)) as each:
        bed, conditions = next(each)
        record = soaked(bed, offered, conditions)
    record = replace(record, conditions=_with_others(record, others, settings))
    files = _written(out, "soak", record)
    if json_text:
        show(as_json(as_object(record)).rstrip("\n"))
    else:
        show_rows(f"{record.call}: {record.per_second:.1f}/s", _rows_of(record), _FINDING_COLUMNS)
        _show_files(files)
    bad = [finding for finding in record.findings if not finding.good]
    if bad:
        raise DscError("; ".join(f"{finding.name}: {finding.text}" for finding in bad))


def load_report(
    records: Annotated[
        list[Path],
        typer.Argument(parser=path_of, metavar="FILE…", help="JSON files of load tests and soak tests."),
    ],
) -> None:
    """Write the HTML reports and figures of JSON files again, beside them; nothing is measured."""
    for path in records:
        record = read_record(path)
        if path.suffix != ".json":
            raise InvalidInputError(f"expected a file NAME.json, got {path}")
        _show_files(_rendered(path.with_suffix(".html"), record))


load_test_command = with_connection_options(command_with_settings(LoadTestSettings, _load_test))
soak_command = with_connection_options(command_with_settings(SoakSettings, _soak))
LOAD_TEST_HELP, SOAK_HELP = str(_load_test.__doc__), str(_soak.__doc__)


def _checked(kind: type[_Settings], name: str, chosen: Mapping[str, object], out: Path) -> _Settings:
    with refused_as_setting():
        offered = validated(kind, name, {key: value for key, value in chosen.items() if value is not None})
        kinds = offered.kinds
        for each in kinds:
            each.options(1)
    require_writable(out)
    return offered


def _measured(source: Source, offered: LoadTestSettings, settings: DeviceSettings) -> LoadTest:
    others = OtherWork()
    with closing(beds(source, offered, settings)) as each:
        measured = [(measured_part(bed, offered), conditions) for bed, conditions in each]
    record = LoadTest(offered.bound, measured[-1][1], [part for part, _ in measured])
    return replace(record, conditions=_with_others(record, others, settings))


def _with_others(record: LoadTest | Soak, others: OtherWork, settings: DeviceSettings) -> Conditions:
    """The conditions, with the work of others where services are not among them."""
    cores = None if are_given(settings) else others.cores()
    return replace(record.conditions, other_cores=cores)


def _written(out: Path, name: str, record: LoadTest | Soak) -> list[Path]:
    path = out / f"{name}.json"
    write_record(path, record)
    return [path, *_rendered(path.with_suffix(".html"), record)]


def _rendered(html: Path, record: LoadTest | Soak) -> list[Path]:
    try:
        from dsc_eval.load_test.html import write_report  # noqa: PLC0415 - matplotlib and jinja2, for this alone
    except ImportError as error:
        raise InvalidInputError(f"reports need the extra `eval`: {error}") from error
    return write_report(html, record)


def _show_load_test(record: LoadTest) -> None:
    empty: list[Row] = [
        {"services": part.name, "call": "empty", **ceiling.row()}
        for part in record.parts
        for ceiling in part.ceiling
    ]
    show_rows("ceiling: empty calls in a closed loop", empty, _EMPTY_COLUMNS)
    for part in record.parts:
        for result in part.calls:
            steps = [*result.ramp.steps, *([result.overload] if result.overload else [])]
            rows: list[Row] = [{**step.report.row(), "verdict": step.verdict} for step in steps]
            show_rows(f"{part.name}: {result.call}", rows, _STEP_COLUMNS)
    for part in record.parts:
        for result in part.calls:
            held = result.ramp.held
            limit = "no rate held" if held is None else f"{held:.1f} requests/s held"
            show(printable(f"{part.name}: {result.call}: {limit}; limited by {result.bottleneck}"))


def _rows_of(record: Soak) -> list[Row]:
    return [
        {"looked at": each.name, "verdict": "good" if each.good else "bad", "figures": each.text}
        for each in record.findings
    ]


def _show_files(files: list[Path]) -> None:
    for path in files:
        if path.suffix in (".json", ".html"):
            show(printable(str(path)))
