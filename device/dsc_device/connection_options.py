"""The settings of a device's connections as options of a command; any other comes from the environment."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import typer

from dsc_common.cli.option_group import option, with_option_group
from dsc_common.cli.paths import path_of
from dsc_common.cli.settings import read_settings
from dsc_device.codebooks.choice import Codebooks
from dsc_device.settings import DeviceSettings

PANEL = "Connections: settings of the device (DSC_DEVICE_…) unless given"
SETTINGS = "settings"


def with_connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option per address, time limit and file of its connections.

    Args:
        command: a Typer command with a keyword-only parameter `settings: DeviceSettings`.

    Returns:
        The command with the options in place of that parameter, for `app.command()`.
    """
    return with_option_group(command, SETTINGS, OPTIONS, settings_of)


def settings_of(values: Mapping[str, Any]) -> DeviceSettings:
    """The settings, from the options that are given and the environment."""
    return read_settings(DeviceSettings, **values)


def about(metavar: str | None, text: str, panel: str = PANEL, **more: Any) -> Any:  # noqa: ANN401 (as Typer's)
    """A `typer.Option` without a default, for `option`."""
    return typer.Option(None, metavar=metavar, help=text, show_default=False, rich_help_panel=panel, **more)


OPTIONS = [
    option(
        "server",
        str,
        about(
            "HOST:PORT", "Server, also of the codebooks. (env: DSC_DEVICE_SERVER, default: 127.0.0.1:50051)"
        ),
    ),
    option(
        "channel",
        str,
        about(
            "HOST:PORT",
            "Channel that packets are sent to. (env: DSC_DEVICE_CHANNEL, default: 127.0.0.1:50052)",
        ),
    ),
    option(
        "wait_s",
        float,
        about(None, "Time limit for server and channel, in seconds. (env: DSC_DEVICE_WAIT_S, default: 30)"),
    ),
    option(
        "cache",
        Path,
        about(
            "DIR",
            "Folder of downloads. (env: DSC_DEVICE_CACHE, default: ~/.cache/dsc-device)",
            parser=path_of,
        ),
    ),
    option(
        "cache_mb",
        int,
        about(
            "MIB",
            "Size of that folder, above which the files go that were used longest ago. "
            "(env: DSC_DEVICE_CACHE_MB, default: 4096)",
        ),
    ),
    option(
        "codebooks",
        Codebooks,
        about(
            None,
            "When sub-codebooks of partitions are downloaded: all at the start, or each when a photo first "
            "needs it. (env: DSC_DEVICE_CODEBOOKS, default: on-demand)",
        ),
    ),
    option("server_tls_ca", Path, about("PEM", "CA certificates (PEM) for the server.", parser=path_of)),
    option("channel_tls_ca", Path, about("PEM", "CA certificates (PEM) for the channel.", parser=path_of)),
    option(
        "tls_certificate",
        Path,
        about("PEM", "Certificate chain of the device, where services need one.", parser=path_of),
    ),
    option("tls_key", Path, about("PEM", "Private key of the device.", parser=path_of)),
    option(
        "token_file",
        Path,
        about(
            "FILE", "File that holds the token of the device. (env: DSC_DEVICE_TOKEN_FILE)", parser=path_of
        ),
    ),
]
