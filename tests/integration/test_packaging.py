"""The wheel holds every package, and each role runs with what its extra installs: a device without torch."""

import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from email import message_from_bytes
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("deep_semantic_coding", "dsc_common", "dsc_device", "dsc_channel", "dsc_model"),
    *("dsc_server", "dsc_eval", "dsc_demo", "dsc.v1"),
)

PROJECT = "deep-semantic-coding"
HEAVY = {"torch", "faiss-cpu", "onnx", "matplotlib"}
# Extra, module, its command, and an option that the command's help names.
ROLES = [
    ("device", "dsc_device", "query", "--snr-db"),
    ("channel", "dsc_channel", "serve", "--snr-db"),
    ("serve", "dsc_server", "serve", "--receiver"),
]
# Runs a module from a folder as if the named packages were not installed.
HIDING = """
import runpy, sys
_, folder, names, module, *arguments = sys.argv

class Hidden:
    hidden = set(names.split(","))

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in cls.hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden)
sys.path.insert(0, folder)
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


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


def requirements(wheel: Path) -> list[str]:
    """Lines of Requires-Dist."""
    with zipfile.ZipFile(wheel) as files:
        (name,) = (name for name in files.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(files.read(name)).get_all("Requires-Dist", [])


def required(lines: Iterable[str], extras: set[str]) -> list[Requirement]:
    """Those that count here, with these extras."""
    parsed = [Requirement(line) for line in lines]
    kinds = ["", *extras]
    return [
        one for one in parsed if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in kinds)
    ]


def installed_with(wheel: Path, extra: str) -> set[str]:
    """Names of all distributions that `pip install WHEEL[extra]` installs, by the metadata found here."""
    found: set[tuple[str, str]] = set()
    to_visit = [(PROJECT, extra)]
    while to_visit:
        name, own_extra = to_visit.pop()
        if (name, own_extra) in found:
            continue
        found.add((name, own_extra))
        lines = requirements(wheel) if name == PROJECT else metadata.requires(name) or []
        for one in required(lines, {own_extra}):
            to_visit += [(canonicalize_name(one.name), e) for e in ("", *one.extras)]
    return {name for name, _ in found}


def test_a_device_requires_an_onnx_runtime_and_pillow_and_no_more(wheel: Path) -> None:
    lines = requirements(wheel)
    every_role = {canonicalize_name(one.name) for one in required(lines, set())}
    device = {canonicalize_name(one.name) for one in required(lines, {"device"})}
    assert device - every_role == {"onnxruntime", "pillow"}
    assert "grpcio" in every_role
    assert not HEAVY & installed_with(wheel, "device")
    assert not (HEAVY | {"faiss-cpu", "onnxruntime", "pillow"}) & installed_with(wheel, "serve")
    assert "faiss-cpu" in installed_with(wheel, "build")
    assert "torch" in installed_with(wheel, "server")


@pytest.mark.parametrize(("extra", "module", "verb", "option"), ROLES)
def test_a_role_runs_with_what_its_extra_installs(
    wheel: Path, tmp_path: Path, extra: str, module: str, verb: str, option: str
) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    allowed = installed_with(wheel, extra)
    hidden = [
        package
        for package, owners in metadata.packages_distributions().items()
        if not allowed & set(map(canonicalize_name, owners))
    ]
    assert {"torch", "onnx", "matplotlib"} <= set(hidden)
    arguments = [str(tmp_path), ",".join(hidden), module, verb, "--help"]
    command = [sys.executable, "-c", HIDING, *arguments]
    helped = subprocess.run(command, capture_output=True, text=True, check=False)
    assert helped.returncode == 0, helped.stderr
    assert option in helped.stdout


@pytest.mark.slow  # the two tests above have it without an installation
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
