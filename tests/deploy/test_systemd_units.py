"""Units of systemd: those of its checker, and settings that exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dsc_channel.settings import ChannelSettings
from dsc_device.settings import DeviceSettings
from dsc_server.settings import ServerSettings
from helpers.commands import unknown_words

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
VARIABLES = {
    f"DSC_{role}_{name.upper()}"
    for role, kind in (("SERVER", ServerSettings), ("CHANNEL", ChannelSettings), ("DEVICE", DeviceSettings))
    for name in kind.model_fields
}


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    copy = tmp_path / unit.name  # with a program that exists here
    copy.write_text(re.sub(r"/opt/dsc/bin/dsc-\w+", shutil.which("true") or "/bin/true", unit.read_text()))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_its_settings_exist(unit: Path) -> None:
    named = set(re.findall(r"DSC_\w+(?==)", unit.read_text()))
    assert named
    assert named - VARIABLES == set()


def test_each_role_has_one() -> None:
    names = ["dsc-channel.service", "dsc-device.service", "dsc-server.service"]
    assert [unit.name for unit in UNITS] == names


def test_the_command_of_the_device_exists() -> None:
    text = (FOLDER / "dsc-device.service").read_text()
    (words,) = re.findall(r"DEVICE_COMMAND=(.+)\"", text)
    assert unknown_words(["dsc-device", *words.split()]) == []
    limit_s = int(re.findall(r"WatchdogSec=(\d+)", text)[0])
    assert limit_s > 2 * DeviceSettings().wait_s
