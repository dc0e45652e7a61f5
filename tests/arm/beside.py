"""Photos of the demonstration on both machines, against servers and a channel of this one."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arm.comparison import differences
from arm.emulator import Done, Emulator
from arm.wheels import TREE
from dsc_common.cli.streams import say
from dsc_common.features.extraction import Extraction
from dsc_demo.gallery import write_gallery
from dsc_demo.processes import python_module
from dsc_server.index.files import read_index
from helpers.real_processes import json_lines, start_channel, start_server

PHOTOS = 10  # extracted under emulation, at some twenty seconds each
CALIBRATION_PHOTOS = 20
ASKED = 3  # of them are sent by `dsc-device`, too
SCHEMES = ("dsc", "dsc-pq")
MODELS = ("float32", "int8")
CHECKOUT = "opt/checkout"  # the tests, below the root folder
_RUN = "opt/run"
_SCRIPT = Path("tests/arm/packets.py")


@dataclass(frozen=True)
class _Bed:
    """What both machines use.

    Attributes:
        emulator: of the other machine.
        folder: of this machine, with an index for each scheme.
        photos: on this machine; copies are in `_RUN` of the other.
        servers: one for each scheme.
        channel: in front of the first of them.
    """

    emulator: Emulator
    folder: Path
    photos: Sequence[Path]
    servers: Sequence[str]
    channel: str

    @property
    def copies(self) -> list[str]:
        """The photos, as the other machine names them."""
        return [f"/{_RUN}/{photo.name}" for photo in self.photos]


def compared(emulator: Emulator, folder: Path, stack: ExitStack) -> dict[str, Any]:
    """Features, packets and answers of both machines.

    Args:
        emulator: of the other machine, with the tests in `CHECKOUT`.
        folder: empty; for photos and indices.
        stack: ends the services.
    """
    bed = _bed(emulator, folder, stack)
    extracted = _extracted(bed)
    return {
        "photos": len(bed.photos),
        **extracted,
        "command": {model: _asked(bed, model) for model in MODELS},
    }


def _bed(emulator: Emulator, folder: Path, stack: ExitStack) -> _Bed:
    gallery = write_gallery(folder / "gallery")
    step = max(1, len(gallery.queries) // PHOTOS)
    photos = [query.path for query in gallery.queries[::step][:PHOTOS]]
    run = emulator.root / _RUN
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    for photo in photos:
        shutil.copy(photo, run)
    servers = []
    for scheme in SCHEMES:
        say(f"building an index: {scheme}")
        _here("dsc_server", "build", gallery.database, "--index", folder / scheme, "--scheme", scheme)
        _accept_int8(folder / scheme, folder / f"{scheme}-int8.onnx")
        servers.append(stack.enter_context(start_server(folder / scheme)).address)
    channel = stack.enter_context(start_channel(servers[0])).address
    return _Bed(emulator, folder, photos, servers, channel)


def _accept_int8(index: Path, model: Path) -> None:
    _here("dsc_model", "quantize", index, model, "--count", str(CALIBRATION_PHOTOS))
    _here("dsc_server", "accept", "--index", index, model)


def _extracted(bed: _Bed) -> dict[str, Any]:
    """Extractions and packets of all photos."""
    addresses = ",".join(bed.servers)
    say(f"extracting {len(bed.photos)} photos under emulation (some minutes)")
    emulated = bed.emulator.python(
        f"/{CHECKOUT}/{_SCRIPT}", f"/{_RUN}/there.npz", addresses, f"/{_RUN}/cache", *bed.copies
    )
    _require(emulated)
    file = bed.folder / "here.npz"
    _run([sys.executable, str(TREE / _SCRIPT), str(file), addresses, *map(str, (_cache(bed), *bed.photos))])
    here, there = np.load(file), np.load(bed.emulator.root / _RUN / "there.npz")
    packets = {
        scheme: _packets(bed.folder / scheme, here, there, number) for number, scheme in enumerate(SCHEMES)
    }
    return {
        "extraction_seconds": round(emulated.seconds),
        "features": _features(here, there),
        "schemes": packets,
    }


def _asked(bed: _Bed, model: str) -> dict[str, Any]:
    """Answers to the first photos, by `dsc-device` itself with a network of the index."""
    say(f"asking with dsc-device, on both machines: {model}")
    addresses = ("--server", bed.servers[0], "--channel", bed.channel)
    query = ("query", "--json", "--model", model, *addresses, "--snr-db", "inf")
    ours = json_lines(_here("dsc_device", *query, "--cache", _cache(bed), *bed.photos[:ASKED]))
    asked = bed.emulator.python("-m", "dsc_device", *query, "--cache", f"/{_RUN}/cache", *bed.copies[:ASKED])
    _require(asked)
    theirs = json_lines(asked.out)
    pairs = list(zip(ours, theirs, strict=True))
    return {
        "photos": len(theirs),
        "packets_equal": sum(a["packet"] == b["packet"] for a, b in pairs),
        "results_equal": sum(_names(a) == _names(b) for a, b in pairs),
        "seconds": round(asked.seconds),
        "network_ms": round(float(np.median([each["timings_ms"]["network"] for each in theirs]))),
    }


def _cache(bed: _Bed) -> Path:
    return bed.folder / "cache"


def _require(done: Done) -> None:
    if done.code:
        raise SystemExit(f"error: under emulation: {done.err[-2000:]}")


def _features(here: Any, there: Any) -> dict[str, Any]:
    """How far extractions differ; `there` is that of arm64."""
    difference = np.abs(here["features"] - there["features"])
    return {
        "pixels_equal": int((here["pixels"] == there["pixels"]).sum()),
        "largest_difference": float(difference.max()),
        "largest_value": float(np.abs(here["features"]).max()),
        "values_equal": float((difference == 0).mean()),
        "largest_difference_of_probabilities": float(
            np.abs(here["probabilities"] - there["probabilities"]).max()
        ),
    }


def _packets(index: Path, here: Any, there: Any, number: int) -> dict[str, Any]:
    """How many packets are the same, and each number that is not."""
    loaded = read_index(index)
    pairs = zip(here[f"packets_{number}"], there[f"packets_{number}"], strict=True)
    found = []
    for photo, (ours, theirs) in enumerate(pairs):
        extraction = Extraction(here["features"][photo], here["probabilities"][photo])
        book, fmt = loaded.index.codebook, loaded.manifest.packet_format
        for each in differences(extraction, book, fmt, ours.tobytes(), theirs.tobytes()):
            found.append({"photo": photo, **asdict(each)})
    return {
        "packets": photo + 1,
        "equal": photo + 1 - len({each["photo"] for each in found}),
        "differ": found,
    }


def _names(answer: dict[str, Any]) -> list[str]:
    return [result["image_id"] for result in answer["results"]]


def _here(module: str, *arguments: str | Path) -> str:
    return _run(python_module(module, *arguments))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command[:4])}: {done.stderr[-2000:]}")
    return done.stdout
