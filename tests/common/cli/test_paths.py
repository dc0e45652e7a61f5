"""An empty path is an error in every command: it would be the current folder."""

from pathlib import Path

import pytest

from helpers.in_process import run


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("dsc_server", ("build", "", "--index", "new")),
        ("dsc_server", ("build", "photos", "--index", "")),
        ("dsc_server", ("build", "photos", "--index", "new", "--feature-store=")),
        ("dsc_server", ("build", "photos", "--index", "new", "--model", "")),
        ("dsc_server", ("export", "")),
        ("dsc_server", ("info", "--index", "")),
        ("dsc_server", ("serve", "--index", "")),
        ("dsc_server", ("serve", "--tls-key", "")),
        ("dsc_channel", ("serve", "--tls-certificate", "")),
        ("dsc_device", ("query", "a.jpg", "--cache", "")),
        ("dsc_demo", ("--images", "")),
        ("dsc_demo", ("gallery", "--out", "")),
        ("dsc_eval", ("run", "compare", "--ground-truth", "a.json", "--out", "")),
        ("dsc_eval", ("run", "compare", "--ground-truth", "a.json", "--out", "o", "--distractors", "")),
        ("dsc_eval", ("plot", "fig3", "--results", "")),
        ("dsc_eval", ("download", "ukbench", "--out", "")),
    ],
)
def test_an_empty_path_is_refused_and_nothing_is_written(
    module: str, arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(module, *arguments)
    assert done.returncode == 2
    assert "expected a path, got an empty one" in done.stderr
    assert list(tmp_path.iterdir()) == []
