"""One fuzzed call, and files of several: what a replay reads."""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz.edge import Metadata


@dataclass(frozen=True)
class Input:
    """A call.

    Attributes:
        role: server or channel.
        scheme: of the index that it meets.
        method: full name of the method.
        data: bytes of the request.
        metadata: of the call; keys that end in -bin have bytes.
    """

    role: str
    scheme: str
    method: str
    data: bytes
    metadata: Metadata = ()


def write_inputs(path: Path, inputs: Iterable[Input]) -> None:
    """A line of JSON for each; bytes are in base64."""
    path.write_text("".join(f"{_line(each)}\n" for each in inputs))


def read_inputs(path: Path) -> Sequence[Input]:
    """The inverse of `write_inputs`."""
    return [_input(json.loads(line)) for line in path.read_text().splitlines()]


def _line(each: Input) -> str:
    metadata = [[key, _text(value) if isinstance(value, bytes) else value] for key, value in each.metadata]
    return json.dumps([each.role, each.scheme, each.method, _text(each.data), metadata])


def _input(fields: list[object]) -> Input:
    role, scheme, method, data, metadata = fields
    pairs = ((key, base64.b64decode(value) if key.endswith("-bin") else value) for key, value in metadata)  # type: ignore[attr-defined]
    return Input(str(role), str(scheme), str(method), base64.b64decode(str(data)), tuple(pairs))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
