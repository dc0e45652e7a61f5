"""`dsc-eval load` against a running server and channel."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from dsc_common.errors import DscError, InvalidImageError, SettingError, UnreachableError
from dsc_common.features.extractor import Extractor
from dsc_common.features.feature_file import FeatureFile, write_features
from dsc_common.features.feature_table import FeatureTable, most_likely
from dsc_eval.main import app
from helpers.real_processes import Running, System


def _load(running: Running, cache: Path, *arguments: str | Path) -> Any:
    places = ("--server", running.server.address, "--channel", running.channel.address, "--cache", cache)
    result = CliRunner().invoke(app, ["load", *map(str, (*arguments, *places))])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("call", ["retrieve", "transmit"])
def test_packets_of_photos(call: str, running: Running, cache: Path, system: System) -> None:
    folder = system.queries[0].parent
    counts = ("--clients", "1,3", "--requests", "12", "--warm-up-s", "0")
    result = _load(running, cache, call, folder, *counts, "--snr-db", "3", "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["call"] == call
    assert printed["messages"] == len(system.queries)
    for report, clients in zip(printed["reports"], (1, 3), strict=True):
        assert (report["clients"], report["answered"], report["errors"]) == (clients, 12, 0)
        assert report["statuses"] == {"OK": 12}
        assert 0 < report["p50_ms"] <= report["p90_ms"] <= report["p99_ms"] <= report["max_ms"]
        assert report["per_second"] == pytest.approx(12 / report["seconds"], rel=0.01)


def test_packets_of_features(running: Running, cache: Path, system: System, tmp_path: Path) -> None:
    extractor = Extractor.from_file(system.model)
    made = [extractor.extract(photo) for photo in system.queries]
    labels, probabilities = most_likely(np.stack([each.probabilities for each in made]), 10)
    names = [photo.name for photo in system.queries]
    features = np.stack([each.feature for each in made])
    table = FeatureTable(names, features, labels, probabilities, len(extractor.info.labels))
    file = tmp_path / "features.safetensors"
    write_features(file, FeatureFile(table))
    counts = ("--clients", "2", "--requests", "6", "--warm-up-s", "0")
    result = _load(running, cache, "transmit", "--features", file, *counts)
    assert result.exit_code == 0, result.output
    assert "OK 6" in result.stdout


def test_empty_calls_need_no_packets(running: Running, cache: Path) -> None:
    result = _load(running, cache, "empty", "--clients", "2", "--seconds", "0.2", "--json")
    (report,) = json.loads(result.stdout)["reports"]
    assert report["answered"] > 0
    assert report["errors"] == 0


def test_a_refused_request_is_counted_and_no_answer_at_all_is_an_error(
    running: Running, cache: Path, system: System
) -> None:
    options = ("--requests", "3", "--warm-up-s", "0", "--clients", "1")
    photo = system.queries[0]
    with pytest.raises(DscError, match="no request was answered: INVALID_ARGUMENT 3"):
        _load(running, cache, "retrieve", photo, *options, "--receiver", "none")


@pytest.mark.parametrize(
    ("arguments", "kind", "line"),
    [
        (["retrieve"], SettingError, "expected PHOTOS or --features FILE, got neither"),
        (["empty", "a.jpg"], SettingError, "expected no photos and no features with empty calls"),
        (["empty", "--clients", "1,x"], SettingError, "--clients: expected numbers from 1 to 10000"),
        (["empty", "--clients", "0"], SettingError, "--clients: expected numbers from 1 to 10000"),
        (["transmit", "no-such-folder/a.jpg"], InvalidImageError, "no such photo"),
        (["empty", "--server", "127.0.0.1:1", "--wait-s", "0.2"], UnreachableError, "server at 127.0.0.1:1"),
    ],
)
def test_wrong_options_are_one_line(
    arguments: list[str], kind: type[DscError], line: str, running: Running, cache: Path
) -> None:
    places = ["--server", running.server.address, "--channel", running.channel.address]
    words = ["load", *arguments[:1], *places, "--cache", str(cache), *arguments[1:]]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, kind), result.output
    assert line in str(result.exception)
    assert "\n" not in str(result.exception)
