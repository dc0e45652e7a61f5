"""The cache folder, by the rule of the XDG base directories."""

import pwd
from pathlib import Path
from typing import NoReturn

import pytest

from dsc_common.errors import DscError
from dsc_common.files.cache import cache_folder
from dsc_device.settings import DeviceSettings
from dsc_eval.features.cache_folder import default_folder


@pytest.mark.parametrize(
    ("value", "folder"),
    [
        ("/srv/caches", Path("/srv/caches")),
        ("", Path.home() / ".cache"),
        ("relative/path", Path.home() / ".cache"),
        (None, Path.home() / ".cache"),
    ],
)
def test_the_folder_follows_the_environment(
    value: str | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if value is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache_folder("a-program") == folder / "a-program"
    assert DeviceSettings().cache == folder / "dsc-device"
    assert default_folder() == folder / "dsc-eval"


def test_a_user_without_a_home_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_uid: int) -> NoReturn:
        raise KeyError("getpwuid(): uid not found")

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(DscError, match=r"^no cache folder: this user has no home folder; set HOME or "):
        DeviceSettings()
    assert DeviceSettings(cache=Path("/a/cache")).cache == Path("/a/cache")
