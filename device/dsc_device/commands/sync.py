"""`dsc-device sync`: downloads ahead what queries need, and sends the queries that wait."""

import typer

from dsc_common.cli.streams import say
from dsc_common.observing.log_lines import lines_of
from dsc_common.observing.options import LogFormatOption, LogLevelOption
from dsc_device.commands.log_options import with_log
from dsc_device.settings import DeviceSettings
from dsc_device.store_options import with_store_options


@with_store_options
def sync(
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
    *,
    settings: DeviceSettings,
) -> None:
    """Download codebooks and network, so that the device can start without a link; send what waits.

    Answers are JSON lines in the file of results, or on standard output.
    """
    from dsc_device.sending.running import running, send_what_waits  # noqa: PLC0415 (loads ONNX Runtime)

    with lines_of("device", with_log(settings, log_format, log_level)), running(settings) as device:
        kit = device.uplink.fetch()
        say(f"codebook {kit.manifest.codebook_version} of the scheme {kit.manifest.scheme}: in the cache")
        refused = send_what_waits(device)
    if refused:
        raise typer.Exit(1)
