"""What a load test or a soak test found: values that are written as JSON and read again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from dsc_common.errors import InvalidInputError
from dsc_eval.experiments.provenance import hardware, versions
from dsc_eval.load.calling import Method
from dsc_eval.load.open_report import OpenReport
from dsc_eval.load.report import LoadReport
from dsc_eval.load_test.ramp import Ramp
from dsc_eval.load_test.step import Bound, Step
from dsc_eval.output import write_json


@dataclass(frozen=True)
class Conditions:
    """How something was measured.

    Attributes:
        settings: of the test.
        mix: weights of the kinds of packets, by name.
        data: what the index was built of, and the number of its photos; empty for services that ran already.
        messages: number of packets of each kind, before the mixing.
        hardware, versions: of this machine.
        other_cores: cores that processes kept busy besides those of the test; None: unknown.
    """

    settings: Mapping[str, Any]
    mix: Mapping[str, float]
    data: str
    messages: int
    hardware: Mapping[str, Any] = field(default_factory=hardware)
    versions: Mapping[str, str | None] = field(default_factory=versions)
    other_cores: float | None = None


@dataclass(frozen=True)
class CallResult:
    """The ramp of one call.

    Attributes:
        call: what was called.
        ramp: rates and steps.
        bottleneck: what limits the rate.
        overload: twice the limit; None: not measured.
    """

    call: Method
    ramp: Ramp
    bottleneck: str
    overload: Step | None = None


@dataclass(frozen=True)
class Part:
    """One server and its channel.

    Attributes:
        name: scheme of the server that was started, or address of the one that ran.
        ceiling: empty calls of the server in a closed loop, what gRPC takes for a request.
        calls: a ramp each.
    """

    name: str
    ceiling: Sequence[LoadReport]
    calls: Sequence[CallResult]


@dataclass(frozen=True)
class LoadTest:
    """All of a load test."""

    bound: Bound
    conditions: Conditions
    parts: Sequence[Part]
    kind: Literal["load-test"] = "load-test"


@dataclass(frozen=True)
class Track:
    """One process over time.

    Attributes:
        times_s: seconds from the start of the test.
        rss_mib: resident memory at each.
        descriptors: open file descriptors at each.
    """

    times_s: Sequence[float]
    rss_mib: Sequence[float]
    descriptors: Sequence[int]


@dataclass(frozen=True)
class Finding:
    """A verdict of a soak test.

    Attributes:
        name: what was looked at.
        good: whether it is as it should be.
        text: the figures.
    """

    name: str
    good: bool
    text: str


@dataclass(frozen=True)
class Soak:
    """All of a soak test.

    Attributes:
        per_second: rate that was offered.
        call: what was called.
        limit: ramp before it; None: the rate was given.
        segments: reports, one after the other.
        tracks: processes by role.
        findings: verdicts.
    """

    per_second: float
    call: Method
    conditions: Conditions
    limit: Ramp | None
    segments: Sequence[OpenReport]
    tracks: Mapping[str, Track]
    findings: Sequence[Finding]
    kind: Literal["soak"] = "soak"


_KINDS: dict[str, TypeAdapter[Any]] = {"load-test": TypeAdapter(LoadTest), "soak": TypeAdapter(Soak)}


def write_record(path: Path, record: LoadTest | Soak) -> None:
    """Record → JSON file, which appears whole."""
    write_json(path, as_object(record))


def as_object(record: LoadTest | Soak) -> dict[str, Any]:
    """The object of the JSON file."""
    found: dict[str, Any] = _KINDS[record.kind].dump_python(record, mode="json")
    return found


def read_record(path: Path) -> LoadTest | Soak:
    """The inverse of `write_record`.

    Raises:
        InvalidInputError: the file cannot be read, or is none of these records.
    """
    try:
        value = json.loads(path.read_bytes())
        record: LoadTest | Soak = _KINDS[value["kind"]].validate_python(value)
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInputError(f"{path}: {place}: {first['msg']}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"expected the JSON file of a load test or a soak test: {path}") from error
    return record
