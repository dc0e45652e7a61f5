"""`make test-arm`: the device on arm64 under emulation, beside this machine; exit code 1 if it fails."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from arm.comparison import differences
from arm.emulator import Emulator
from arm.root import debian_root, require_programs
from arm.wheels import TREE, install
from dsc_common.cli.streams import say, show
from dsc_common.features.extraction import Extraction
from dsc_common.files.cache import cache_folder
from dsc_demo.gallery import write_gallery
from dsc_demo.processes import python_module
from dsc_eval.experiments.provenance import hardware, versions
from dsc_eval.output import write_json
from dsc_server.index.files import read_index
from helpers.real_processes import json_lines, start_channel, start_server

PHOTOS = 10  # extracted under emulation, at some twenty seconds each
ASKED = 3  # of them are sent by `dsc-device`, too
SCHEMES = ("dsc", "dsc-pq")
# Without torch, Faiss, services or further processes.
TESTS = (
    "tests/device/test_encoding.py",
    "tests/device/test_encoder_kit.py",
    "tests/device/test_querying.py",
    "tests/common/codebook",
    "tests/common/packet",
    "tests/common/features/test_extractor.py",
    "tests/common/features/test_images.py",
    "tests/common/features/test_jpeg.py",
    "tests/common/features/test_reading_version.py",
    "tests/common/features/test_upright.py",
)
LEFT_OUT = "not says_nothing_but_our_line"  # starts a process, which takes more than an emulator
_VERSIONS = """
import json, platform, numpy, onnxruntime, PIL
print(json.dumps({"machine": platform.machine(), "python": platform.python_version(),
    "numpy": numpy.__version__, "onnxruntime": onnxruntime.__version__, "pillow": PIL.__version__}))
"""
_CHECKOUT, _RUN = "opt/checkout", "opt/run"


def main() -> int:
    """0: installed, tests passed, and every packet is the same or differs by a near tie."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TREE / "results/device", help="folder of arm.json")
    parser.add_argument("--cache", type=Path, default=None, help="folder of the root and of downloads")
    given = parser.parse_args()
    require_programs()
    cache = (given.cache or cache_folder("dsc-arm")).absolute()
    cache.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    root = debian_root(cache, say)
    installed = install(cache, root, say)
    emulator = Emulator(root, str(installed.pop("needs")))
    record: dict[str, Any] = {"installed": installed, "versions": {"x86_64": versions()}}
    record["versions"]["aarch64"] = _json_of(emulator, "-c", _VERSIONS)
    say(f"arm64: {record['versions']['aarch64']}")
    record["tests"] = _tested(emulator)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        record |= _compared(emulator, Path(folder), stack)
    record |= {"hardware": hardware(), "seconds": round(time.monotonic() - begun)}
    write_json(given.out / "arm.json", record)
    show(f"{given.out / 'arm.json'}: {_verdict(record)}")
    return int(not _is_good(record))


def _tested(emulator: Emulator) -> dict[str, Any]:
    """Run the selection of tests, on the installed package."""
    checkout = emulator.root / _CHECKOUT
    shutil.rmtree(checkout, ignore_errors=True)
    shutil.copytree(TREE / "tests", checkout / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TREE / "pyproject.toml", checkout)
    say("running the tests under emulation (some minutes)")
    options = ("-q", "-p", "no:cacheprovider", "-o", "timeout=0", "--rootdir", f"/{_CHECKOUT}")
    chosen = ("-c", f"/{_CHECKOUT}/pyproject.toml", "-k", LEFT_OUT, *(f"/{_CHECKOUT}/{t}" for t in TESTS))
    done = emulator.python("-m", "pytest", *options, *chosen)
    last = (done.out.splitlines() or [done.err])[-1]
    say(f"tests: {last}")
    if done.code:
        for line in [*done.out.splitlines()[-60:], *done.err.splitlines()[-10:]]:
            say(line)
    return {
        "selection": TESTS,
        "left_out": LEFT_OUT,
        "code": done.code,
        "summary": last,
        "seconds": round(done.seconds),
    }


def _compared(emulator: Emulator, folder: Path, stack: ExitStack) -> dict[str, Any]:
    """Photos of the demonstration, against servers and a channel of this machine."""
    gallery = write_gallery(folder / "gallery")
    step = max(1, len(gallery.queries) // PHOTOS)
    photos = [query.path for query in gallery.queries[::step][:PHOTOS]]
    run = emulator.root / _RUN
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    for photo in photos:
        shutil.copy(photo, run)
    there = [f"/{_RUN}/{photo.name}" for photo in photos]
    servers = []
    for scheme in SCHEMES:
        say(f"building an index: {scheme}")
        index = folder / scheme
        _here("dsc_server", "build", gallery.database, "--index", index, "--scheme", scheme)
        servers.append(stack.enter_context(start_server(index)).address)
    channel = stack.enter_context(start_channel(servers[0])).address
    script = Path("tests/arm/packets.py")
    addresses = ",".join(servers)
    say(f"extracting {PHOTOS} photos under emulation (some minutes)")
    emulated = emulator.python(
        f"/{_CHECKOUT}/{script}", f"/{_RUN}/there.npz", addresses, f"/{_RUN}/cache", *there
    )
    if emulated.code:
        raise SystemExit(f"error: under emulation: {emulated.err[-2000:]}")
    here_file = folder / "here.npz"
    _python(TREE / script, here_file, addresses, folder / "cache", *photos)
    here, other = np.load(here_file), np.load(run / "there.npz")
    say("asking with dsc-device, on both machines")
    query = ("query", "--json", "--server", servers[0], "--channel", channel, "--snr-db", "inf")
    ours = json_lines(_here("dsc_device", *query, "--cache", folder / "cache", *photos[:ASKED]))
    asked = emulator.python("-m", "dsc_device", *query, "--cache", f"/{_RUN}/cache", *there[:ASKED])
    if asked.code:
        raise SystemExit(f"error: dsc-device under emulation: {asked.err[-2000:]}")
    theirs = json_lines(asked.out)
    return {
        "photos": len(photos),
        "extraction_seconds": round(emulated.seconds),
        "features": _features(here, other),
        "schemes": {
            scheme: _packets(folder / scheme, here, other, number) for number, scheme in enumerate(SCHEMES)
        },
        "command": {
            "photos": len(theirs),
            "packets_equal": _count(ours, theirs, "packet"),
            "results_equal": sum(_names(a) == _names(b) for a, b in zip(ours, theirs, strict=True)),
            "seconds": round(asked.seconds),
            "network_ms": round(float(np.median([each["timings_ms"]["network"] for each in theirs]))),
        },
    }


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


def _count(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]], key: str) -> int:
    return sum(a[key] == b[key] for a, b in zip(ours, theirs, strict=True))


def _names(answer: dict[str, Any]) -> list[str]:
    return [result["image_id"] for result in answer["results"]]


def _is_good(record: dict[str, Any]) -> bool:
    near = [each["gap"] < 1e-4 for scheme in record["schemes"].values() for each in scheme["differ"]]
    return record["tests"]["code"] == 0 and all(near)


def _verdict(record: dict[str, Any]) -> str:
    counts = (f"{each['equal']} of {each['packets']}" for each in record["schemes"].values())
    return (
        f"{record['tests']['summary']}; packets equal: {', '.join(counts)} ({', '.join(record['schemes'])})"
    )


def _json_of(emulator: Emulator, *arguments: str) -> Any:
    done = emulator.python(*arguments)
    if done.code:
        raise SystemExit(f"error: Python under emulation: {done.err[-2000:]}")
    return json.loads(done.out)


def _here(module: str, *arguments: str | Path) -> str:
    return _run(python_module(module, *arguments))


def _python(*arguments: str | Path) -> str:
    return _run([sys.executable, *map(str, arguments)])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command[:4])}: {done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
