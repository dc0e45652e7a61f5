"""The form of the log lines of a command, from its options and the environment."""

from dsc_common.observing.settings import LogFormat, LogLevel
from dsc_device.settings import DeviceSettings


def with_log(
    settings: DeviceSettings, log_format: LogFormat | None, log_level: LogLevel | None
) -> DeviceSettings:
    """The settings, with the options that are given."""
    given = {"log_format": log_format, "log_level": log_level}
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})
