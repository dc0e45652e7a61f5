"""A root folder of Debian for arm64, made once: no step of it runs a program of arm64."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO

SUITE = "bookworm"  # as Raspberry Pi OS, 64 bit
PYTHON = "3.11"  # its Python
EMULATOR = "qemu-aarch64-static"
_PACKAGES = (f"python{PYTHON}", "libstdc++6")
_PROGRAMS = {  # and the packages of Debian that have them
    "debootstrap": "debootstrap",
    EMULATOR: "qemu-user-static",
    "unshare": "util-linux",
    "apt-get": "apt",
    "dpkg": "dpkg",
}
_DONE = ".complete"
_NO_MIRROR = "expected a mirror of Debian in the configuration of apt, got none"


def require_programs() -> None:
    """Exit with a line where a program is missing."""
    for program in _PROGRAMS:
        _path(program)


def debian_root(cache: Path, say: Callable[[str], None]) -> Path:
    """The root folder, from the mirror that apt is configured with; downloads are kept beside it."""
    root, partial, debs = cache / f"root-{SUITE}", cache / f"root-{SUITE}.partial", cache / "debs"
    if (root / _DONE).exists():
        return root
    say(f"making a root folder of {SUITE} for arm64")
    shutil.rmtree(partial, ignore_errors=True)
    debs.mkdir(parents=True, exist_ok=True)
    _run(
        "debootstrap",
        "--arch=arm64",
        "--foreign",
        "--variant=minbase",
        f"--include={','.join(_PACKAGES)}",
        f"--cache-dir={debs}",
        SUITE,
        partial,
        _mirror(),
    )
    for package in sorted((partial / "var/cache/apt/archives").glob("*.deb")):
        _unpack(package, partial)
    _replace_by_folder(partial / "proc")  # debootstrap leaves a link to the proc of this machine
    shutil.rmtree(partial / "sys", ignore_errors=True)  # that of this machine describes another processor
    shutil.copy(_path(EMULATOR), partial / "usr/bin" / EMULATOR)
    (partial / _DONE).touch()
    partial.rename(root)
    return root


def _path(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise SystemExit(f"error: {program} is not installed (Debian's package {_PROGRAMS[program]})")
    return found


def _mirror() -> str:
    """The repository of Debian that apt is configured with, for this suite or another."""
    lines = subprocess.run(
        [_path("apt-get"), "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(ORIGIN) $(COMPONENT)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for line in lines:
        uri, release, *rest = line.split()
        if rest == ["Debian", "main"] and "-" not in release:  # neither updates nor security
            return uri
    raise SystemExit(f"error: {_NO_MIRROR}")


def _unpack(package: Path, root: Path) -> None:
    """The files of a package; links to folders stay (`dpkg -x` would replace /lib by a folder)."""
    with subprocess.Popen([_path("dpkg"), "--fsys-tarfile", package], stdout=subprocess.PIPE) as content:
        _run("tar", "--extract", "--keep-directory-symlink", "--directory", root, stdin=content.stdout)
    if content.returncode:
        raise SystemExit(f"error: cannot unpack {package.name}")


def _replace_by_folder(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    path.mkdir(exist_ok=True)


def _run(*command: str | Path, stdin: IO[bytes] | None = None) -> None:
    done = subprocess.run(command, check=False, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        last = done.stdout.decode(errors="replace").splitlines()[-3:]
        raise SystemExit(f"error: {command[0]} failed: {' / '.join(last)}")
