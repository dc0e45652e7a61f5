"""The install script of the device: what it would do, what it refuses, and that a shell accepts it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "install-device.sh"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    shell = shutil.which("dash") or "/bin/sh"
    return subprocess.run([shell, str(SCRIPT), *words], capture_output=True, text=True, check=False)


def test_a_dry_run_prints_every_step_and_changes_nothing(tmp_path: Path) -> None:
    done = run("--dry-run", "--extras", "device,watch,camera", "--photos", "/srv/p", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    for part in (
        "apt-get install --yes --no-install-recommends python3-venv",
        f"/opt/dsc/bin/python -m pip install --quiet --upgrade {tmp_path}[device,watch,camera]",
        "install -d -m 2775 -o root -g dsc /srv/p",
        "systemctl daemon-reload",
        "systemctl enable dsc-device.service",
    ):
        assert part in lines
    assert any("dsc-device.service /etc/systemd/system/dsc-device.service" in line for line in lines)
    assert "    DEVICE_COMMAND=watch /srv/p" in lines or os.path.exists("/etc/dsc/device.env")  # noqa: PTH110
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("package", "given"),
    [("dist", "./dist"), ("./dist", "./dist"), (".", "."), ("dist/a.whl", "./dist/a.whl"), ("..", "./..")],
)
def test_a_package_is_a_place_and_never_a_name_that_pip_looks_up(
    package: str, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "a.whl").touch()
    monkeypatch.chdir(tmp_path)
    command = f"/opt/dsc/bin/python -m pip install --quiet --upgrade {given}[device,watch]"
    assert command in run("--dry-run", package).stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "error: expected a PACKAGE: a wheel, or a folder with the source (see --help)"),
        (("--nothing",), "error: unknown option --nothing (see --help)"),
        (("a", "b"), "error: expected one PACKAGE, got a and b"),
        (("--photos",), "error: expected a value after --photos"),
        (("/nowhere.whl",), "error: no such file or folder: /nowhere.whl"),
        (("--photos", "here", "/"), "error: --photos: expected an absolute path, got here"),
        (
            ("--photos", "/a b", "/"),
            "error: --photos: expected letters, digits and /._- in the path, got /a b",
        ),
        (("--extras", "a;b", "/"), "error: --extras: expected names with commas, got a;b"),
    ],
)
def test_wrong_words_are_one_line(words: tuple[str, ...], line: str) -> None:
    done = run("--dry-run", *words)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{line}\n")


def test_help_is_printed() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: install-device.sh")


def test_the_checker_of_shell_scripts_has_nothing_to_say() -> None:
    checker = shutil.which("shellcheck")
    if checker is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(
        [checker, "--shell", "sh", str(SCRIPT)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
