"""Options of connections: one set for all commands that connect, each the option of a setting."""

from typing import Any

import pytest

from dsc_common.cli.settings import prefix_of
from dsc_device.connection_options import OPTIONS
from dsc_device.settings import DeviceSettings
from helpers.commands import options_of, walk

COMMANDS = {
    words: command
    for name in ("dsc-device", "dsc-eval")
    for words, command in walk(name)
    if words in ("dsc-device query", "dsc-eval load", "dsc-eval load-test", "dsc-eval soak")
}
NAMES = [option.name for option in OPTIONS]


def test_all_commands_that_connect_have_them() -> None:
    assert len(COMMANDS) == 4
    for command in COMMANDS.values():
        assert {f"--{name.replace('_', '-')}" for name in NAMES} <= options_of(command)


def test_each_is_a_setting_of_the_device() -> None:
    assert set(NAMES) <= set(DeviceSettings.model_fields)


@pytest.mark.parametrize("name", NAMES)
def test_help_names_the_variable_and_the_default_where_there_is_one(name: str) -> None:
    option: Any = next(option.default for option in OPTIONS if option.name == name)
    default = DeviceSettings.model_fields[name].default
    if isinstance(default, str | float):
        shown = default if isinstance(default, str) else f"{default:g}"
        variable = f"{prefix_of(DeviceSettings)}{name.upper()}"
        assert f"(env: {variable}, default: {shown})" in option.help
    assert option.help.endswith((".", ")"))
