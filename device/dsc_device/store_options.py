"""The settings of a device's queue and results as options of a command, after those of its connections."""

from collections.abc import Callable
from pathlib import Path

from dsc_common.cli.option_group import option, with_option_group
from dsc_common.cli.paths import path_of
from dsc_device.connection_options import OPTIONS, SETTINGS, about, settings_of

PANEL = "Queue: settings of the device (DSC_DEVICE_…) unless given"


def with_store_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of connections, queue and results.

    Args:
        command: a Typer command with a keyword-only parameter `settings: DeviceSettings`.

    Returns:
        The command with the options in place of that parameter, for `app.command()`.
    """
    return with_option_group(command, SETTINGS, [*OPTIONS, *STORE_OPTIONS], settings_of)


STORE_OPTIONS = [
    option(
        "model",
        str,
        about(
            "NAME",
            "Network that the server offers, such as int8. "
            "(env: DSC_DEVICE_MODEL, default: that of the index)",
        ),
    ),
    option(
        "state",
        Path,
        about(
            "DIR",
            "Folder of the queue. (env: DSC_DEVICE_STATE, default: ~/.local/state/dsc-device)",
            panel=PANEL,
            parser=path_of,
        ),
    ),
    option(
        "results",
        Path,
        about(
            "FILE",
            "File of answers, a JSON object a line. (env: DSC_DEVICE_RESULTS, default: standard output)",
            panel=PANEL,
            parser=path_of,
        ),
    ),
    option(
        "queue_mb",
        int,
        about(None, "Limit of the queue in MiB. (env: DSC_DEVICE_QUEUE_MB, default: 256)", panel=PANEL),
    ),
    option(
        "queue_queries",
        int,
        about(
            None,
            "Limit of the queue in queries. (env: DSC_DEVICE_QUEUE_QUERIES, default: 100000)",
            panel=PANEL,
        ),
    ),
]
