"""The wheel holds every package, and a device installs and runs without torch and Faiss."""

import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("deep_semantic_coding", "dsc_common", "dsc_device", "dsc_channel", "dsc_model"),
    *("dsc_server", "dsc_eval", "dsc_demo", "dsc.v1"),
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return path


def test_every_module_of_the_tree_is_in_the_wheel(wheel: Path) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    expected = {
        path.relative_to(ROOT / folder).as_posix()
        for folder in (Path(place).parent for place in folders)
        for path in (ROOT / folder).rglob("*.py")
        if path.parts[len((ROOT / folder).parts)].startswith(("dsc", "deep_semantic_coding"))
    }
    assert {package.replace(".", "/") for package in PACKAGES} <= {
        str(Path(name).parent) for name in expected
    }
    assert expected == {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}


def test_every_package_imports_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + "".join(
        f"import {package} as p; assert list(p.__path__)[0].startswith({str(tmp_path)!r}), p.__path__\n"
        for package in PACKAGES
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_device_installs_from_the_wheel_without_torch(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", f"{wheel}[device]"]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode != 0 and "No matching distribution" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    command = [tmp_path / "venv" / "bin" / "dsc-device", "query", "--help"]
    helped = subprocess.run(command, capture_output=True, text=True, check=False)
    assert helped.returncode == 0, helped.stderr
    assert "--snr-db" in helped.stdout
    for absent in ("torch", "faiss", "onnx", "matplotlib"):
        found = subprocess.run([python, "-c", f"import {absent}"], capture_output=True, check=False)
        assert found.returncode != 0, absent
