"""`python -m crash [KILLS] [SEED]`: kills a device 200 times; exit code 1 if a query was lost or doubled."""

import random
import sys
import tempfile
from pathlib import Path

from crash.campaign import run_campaign, write_photos
from dsc_common.cli.streams import say, show
from helpers import in_process
from helpers.tiny_model import write_tiny_model

KILLS = 200


def build_index(folder: Path) -> Path:
    """A small index with a network, of photos of noise."""
    (folder / "database").mkdir()
    write_photos(folder / "database", random.Random(0), 0, 20)
    model = write_tiny_model(folder / "model.onnx")
    options = ("--index", folder / "index", "--model", model, "--scheme", "dsc-pq", "--no-keep")
    done = in_process.run("dsc_server", "build", folder / "database", *options)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return folder / "index"


def main() -> int:
    """0: nothing was lost or doubled."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    say(f"{kills} kills, seed {seed}")
    with tempfile.TemporaryDirectory(prefix="crash-") as name:
        folder = Path(name)
        (folder / "campaign").mkdir()
        campaign = run_campaign(folder / "campaign", build_index(folder), kills, seed)
    for fault in campaign.faults:
        say(f"error: {fault}")
    show(
        f"killed {campaign.killed} times; {len(campaign.photos)} photos, "
        f"{sum(campaign.answered.values())} answers, {len(campaign.faults)} faults"
    )
    return int(bool(campaign.faults))


if __name__ == "__main__":
    sys.exit(main())
