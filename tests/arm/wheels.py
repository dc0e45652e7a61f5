"""Wheels for arm64: the project's, built from this tree, and those that it needs, from where pip looks."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from arm.root import PYTHON

TREE = Path(__file__).parents[2]
_PIP = "pip>=24"  # an older one ignores that a platform has several names
_TESTS = ("pytest", "pytest-timeout", "hypothesis", "onnx")  # what the tests need besides
_PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")


def install(cache: Path, root: Path, say: Callable[[str], None]) -> dict[str, object]:
    """Install the project with its extra `device` below `root`: what was installed, and its size."""
    pip = _new_pip(cache)
    built = cache / "built"
    shutil.rmtree(built, ignore_errors=True)
    say("building the wheel")
    _run(pip, "wheel", "--no-deps", "--wheel-dir", built, TREE)
    wheel = next(built.glob("*.whl"))
    key = hashlib.sha256((TREE / "pyproject.toml").read_bytes()).hexdigest()[:16]
    needs, project = root / "opt" / f"needs-{key}", root / "opt/project"
    if not needs.exists():
        say("downloading wheels for arm64")
        partial = needs.with_suffix(".partial")
        for old in (root / "opt").glob("needs-*"):
            shutil.rmtree(old)
        _run(pip, *_for_arm(partial), f"{wheel}[device]")
        device_bytes = _size(partial)
        _run(pip, *_for_arm(partial), *_TESTS)
        (partial / "device-bytes").write_text(str(device_bytes))
        partial.rename(needs)
    shutil.rmtree(project, ignore_errors=True)
    _run(pip, *_for_arm(project), "--no-deps", wheel)
    device_mb = round(int((needs / "device-bytes").read_text()) / 1e6, 1)
    return {"wheel": wheel.name, "installed_mb": device_mb, "needs": needs.name}


def _new_pip(cache: Path) -> Path:
    """A pip that is new enough, in an environment of its own."""
    folder = cache / "pip"
    pip = folder / "bin/pip"
    if not (folder / "complete").exists():
        _run(Path(sys.executable), "-m", "venv", folder)
        _run(pip, "install", "--quiet", _PIP)
        (folder / "complete").touch()
    return pip


def _for_arm(target: Path) -> list[str]:
    platforms = [f"--platform={name}_aarch64" for name in _PLATFORMS]
    wanted = ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}", *platforms]
    return ["install", "--quiet", "--upgrade", f"--target={target}", *wanted]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _run(program: Path, *arguments: str | Path) -> None:
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr or done.stdout).splitlines()[-3:]
        raise SystemExit(f"error: {program.name} failed: {' / '.join(last)}")
