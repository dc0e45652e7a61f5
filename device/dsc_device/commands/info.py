"""`dsc-device info`: prints what a device has and what waits, without a link."""

from typing import Annotated

import typer

from dsc_common.cli.json_text import to_json
from dsc_common.cli.printable import printable
from dsc_common.cli.streams import show
from dsc_device.settings import DeviceSettings
from dsc_device.store_options import with_store_options


@with_store_options
def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    *,
    settings: DeviceSettings,
) -> None:
    """Print services, codebook, cache and queue of the device. Nothing is called over the network."""
    from dsc_device.description import describe, description_lines  # noqa: PLC0415

    description = describe(settings)
    if as_json:
        show(to_json(description))
        return
    for line in description_lines(description):
        show(printable(line))
