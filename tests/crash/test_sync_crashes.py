"""A device that is killed at points of a download goes on (the script has many more points)."""

import subprocess
import sys
from pathlib import Path

from crash.sync_crashes import damaged_files

TESTS = Path(__file__).parents[1]


def test_a_killed_device_leaves_nothing_half_written_and_goes_on() -> None:
    command = [sys.executable, "-m", "crash.sync_crashes", "--points", "20", "--seed", "1"]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "killed 20 times: no file is damaged, and each next run goes on\n"


def test_damage_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / f"{'0' * 64}.words").write_bytes(b"half")
    assert damaged_files(tmp_path) == [f"{'0' * 64}.words"]
