"""`make test-arm`: the device on arm64 under emulation, beside this machine; exit code 1 if it fails."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from arm.beside import CHECKOUT, compared
from arm.emulator import Emulator
from arm.root import debian_root, require_programs
from arm.wheels import TREE, install
from dsc_common.cli.streams import say, show
from dsc_common.files.cache import cache_folder
from dsc_eval.experiments.provenance import hardware, versions
from dsc_eval.output import write_json

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
        record |= compared(emulator, Path(folder), stack)
    record |= {"hardware": hardware(), "seconds": round(time.monotonic() - begun)}
    write_json(given.out / "arm.json", record)
    show(f"{given.out / 'arm.json'}: {_verdict(record)}")
    return int(not _is_good(record))


def _tested(emulator: Emulator) -> dict[str, Any]:
    """Run the selection of tests, on the installed package."""
    checkout = emulator.root / CHECKOUT
    shutil.rmtree(checkout, ignore_errors=True)
    shutil.copytree(TREE / "tests", checkout / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TREE / "pyproject.toml", checkout)
    say("running the tests under emulation (some minutes)")
    options = ("-q", "-p", "no:cacheprovider", "-o", "timeout=0", "--rootdir", f"/{CHECKOUT}")
    chosen = ("-c", f"/{CHECKOUT}/pyproject.toml", "-k", LEFT_OUT, *(f"/{CHECKOUT}/{t}" for t in TESTS))
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


if __name__ == "__main__":
    sys.exit(main())
