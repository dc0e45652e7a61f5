"""`python -m device_soak`: a device watches a folder for half an hour, over links that fail at random.

Exit code 1: a photo has no answer or several, the device ended, or its memory or descriptors grow.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from PIL import Image, ImageEnhance

from device_soak.failing_link import failing_links
from dsc_common.cli.streams import say, show
from dsc_eval.load.cores import available_cores
from dsc_eval.load.services import running_service
from dsc_eval.load_test.flatness import descriptors_finding, memory_finding
from dsc_eval.load_test.record import Finding
from dsc_eval.load_test.soak import Watch

PHOTO_EVERY_S = 2.0
WAIT_S = 5.0  # of the device for one call: shorter than some failures
DRAINS_S = 180.0
GROWTH_PERCENT = 3.0
SAMPLE_S = 2.0


def main() -> int:
    """0: each photo has one answer, and the device's memory and descriptors are flat."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/device"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="device-soak-") as name:
        record = soak(Path(name), options.minutes, options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "soak.json").write_text(json.dumps(record, indent=1) + "\n")
    for finding in record["findings"]:
        show(f"{'good' if finding['good'] else 'BAD '}  {finding['name']}: {finding['text']}")
    return int(not all(finding["good"] for finding in record["findings"]))


def soak(folder: Path, minutes: float, seed: int) -> dict[str, list[dict[str, object]]]:
    """What was measured and found, for JSON."""
    gallery, index, photos = folder / "gallery", folder / "index", folder / "photos"
    _run("dsc_demo", "gallery", "--out", gallery)
    _run("dsc_server", "build", gallery / "photos", "--index", index)
    photos.mkdir()
    results, cores = folder / "results.jsonl", available_cores()
    with (
        running_service("dsc_server", "--index", index, cores=cores) as server,
        running_service("dsc_channel", "--server", server.address, "--snr-db", 5, cores=cores) as channel,
        failing_links((server.address, channel.address), seed) as (links, whole),
        (folder / "device.log").open("w") as log,
    ):
        places = ("--state", folder / "state", "--cache", folder / "cache", "--results", results)
        addresses = ("--server", links[0].address, "--channel", links[1].address, "--wait-s", WAIT_S)
        command = map(str, [sys.executable, "-m", "dsc_device", "watch", photos, *places, *addresses])
        with subprocess.Popen([*command], stderr=log, stdout=log) as device:
            try:
                with Watch({"device": device.pid}, SAMPLE_S) as watch:
                    count = _add_photos(gallery / "queries", photos, 60 * minutes, seed, watch)
                    whole.set()
                    answered = _answers(results, count)
            finally:
                device.terminate()
        failures = sum((link.failures for link in links), Counter[str]())
        say((folder / "device.log").read_text()[-2000:])
    track = watch.tracks()["device"]
    findings = [
        _once(answered, count, failures),
        Finding(
            "process of the device", not watch.ended, "it has ended" if watch.ended else "it ran to the end"
        ),
        memory_finding("device", track, GROWTH_PERCENT),
        descriptors_finding("device", track),
    ]
    return {"findings": [asdict(finding) for finding in findings], "tracks": [asdict(track)]}


def _add_photos(source: Path, target: Path, seconds: float, seed: int, watch: Watch) -> int:
    """Put a new photo into the folder now and then; how many there were."""
    rng, originals, count = random.Random(seed), sorted(source.glob("*.jpg")), 0
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not watch.ended:
        with Image.open(rng.choice(originals)) as photo:
            changed = ImageEnhance.Brightness(photo.convert("RGB")).enhance(rng.uniform(0.8, 1.2))
        hidden = target / f".{count}.tmp"
        changed.save(hidden, "JPEG")
        shutil.move(hidden, target / f"{count:06}.jpg")
        count += 1
        time.sleep(rng.expovariate(1 / PHOTO_EVERY_S))
    return count


def _answers(results: Path, count: int) -> Counter[str]:
    """Names of photos in the results, once all are there or the time is over."""
    ends = time.monotonic() + DRAINS_S
    while True:
        lines = results.read_text().splitlines() if results.exists() else []
        if len(lines) >= count or time.monotonic() > ends:
            return Counter(Path(json.loads(line)["query"]).name for line in lines)
        time.sleep(1.0)


def _once(answered: Counter[str], count: int, failures: Counter[str]) -> Finding:
    lost, doubled = count - len(answered), sum(number > 1 for number in answered.values())
    text = (
        f"{count} photos, {lost} without an answer, {doubled} with several; "
        f"the links were cut {failures['cut']} times and stood still {failures['stalled']} times"
    )
    return Finding("answers", count > 0 and not lost and not doubled, text)


def _run(module: str, *arguments: object) -> None:
    subprocess.run([sys.executable, "-m", module, *map(str, arguments)], check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
