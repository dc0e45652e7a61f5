"""`dsc-device watch`: sends each new photo of some folders once."""

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dsc_common.cli.interruption import InterruptionError
from dsc_common.cli.link_options import with_link_options
from dsc_common.cli.paths import path_of
from dsc_common.cli.settings import MAX_WAIT_S, refused_as_setting
from dsc_common.cli.streams import say
from dsc_common.errors import SettingError
from dsc_common.observing.log_lines import lines_of
from dsc_common.observing.options import LogFormatOption, LogLevelOption
from dsc_common.radio.link import LinkChoice, LinkSettings
from dsc_common.retrieval.options import RetrievalOptions
from dsc_device.commands.log_options import with_log
from dsc_device.retrieval_options import with_retrieval_options
from dsc_device.settings import DeviceSettings
from dsc_device.store_options import with_store_options

if TYPE_CHECKING:
    from dsc_device.sending.running import Running
    from dsc_device.watching.folder_watch import FolderWatch
    from dsc_device.watching.settling import Settling

ONCE_S = 60.0  # that a photo may still be written for


@with_link_options
@with_store_options
@with_retrieval_options
def watch(
    folders: Annotated[list[Path], typer.Argument(parser=path_of, metavar="DIR…", help="Folders of photos.")],
    recursive: Annotated[bool, typer.Option(help="Also watch the folders below.")] = True,
    scan_s: Annotated[
        float,
        typer.Option(
            min=1.0, max=MAX_WAIT_S, help="Seconds between scans, which find what events do not report."
        ),
    ] = 60.0,
    once: Annotated[bool, typer.Option("--once", help="Scan, send all, and end.")] = False,
    skip_existing: Annotated[
        bool,
        typer.Option("--skip-existing", help="Pass over what a folder has when it is watched first."),
    ] = False,
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
    *,
    settings: DeviceSettings,
    link: LinkChoice,
    options: RetrievalOptions,
) -> None:
    """Send each new photo of the folders once, also after a restart.

    While there is no link, queries wait in a queue on disk. Answers are JSON lines in the file of results.
    """
    with refused_as_setting():
        link.over(LinkSettings())
    with lines_of("device", with_log(settings, log_format, log_level)):
        if once and (absent := [folder for folder in folders if not folder.is_dir()]):
            raise SettingError(f"expected a folder, got {absent[0]}")
        failed = _watch(folders, settings, link, options, recursive, scan_s, once, skip_existing)
    if failed:
        raise typer.Exit(1)


def _watch(
    folders: list[Path],
    settings: DeviceSettings,
    link: LinkChoice,
    options: RetrievalOptions,
    recursive: bool,
    scan_s: float,
    once: bool,
    skip_existing: bool,
) -> int:
    from dsc_device.sending.running import running, until_stopped  # noqa: PLC0415 (loads ONNX Runtime)
    from dsc_device.systemd import Systemd  # noqa: PLC0415
    from dsc_device.watching.events import FolderEvents  # noqa: PLC0415
    from dsc_device.watching.folder_watch import FolderWatch  # noqa: PLC0415
    from dsc_device.watching.settling import Settling  # noqa: PLC0415
    from dsc_device.watching.taking import Taker  # noqa: PLC0415
    from dsc_device.watching.writers import ignore_lease_signal  # noqa: PLC0415

    ignore_lease_signal()
    systemd = Systemd()
    with running(settings, systemd.beat) as device, FolderEvents(recursive, say, enabled=not once) as events:
        settling = Settling(empty_s=0.0) if once else Settling()
        watching = FolderWatch(
            [folder.absolute() for folder in folders],
            device.store,
            Taker(device.store, device.extractor, link, options, say),
            settling,
            events,
            say,
            recursive=recursive,
            scan_s=scan_s,
            skip_existing=skip_existing,
            on_queued=device.sender.wake.set,
        )
        if once:
            return _once(device, watching, settling)
        with contextlib.suppress(InterruptionError):
            until_stopped(device, watching.run, events.wake, systemd.ready)
        systemd.stopping()
    return 0


def _once(device: "Running", watching: "FolderWatch", settling: "Settling") -> int:
    """The number of photos that cannot be read, and of queries that were refused."""
    from dsc_device.sending.running import send_what_can, send_what_waits  # noqa: PLC0415

    if not device.uplink.load_kit():
        device.uplink.connect()
    device.extractor()
    watching.scan()
    watching.take_due()
    refused = send_what_can(device) if len(settling) else 0  # what is ready waits for no writer
    ends_at = time.monotonic() + ONCE_S
    while len(settling) and time.monotonic() < ends_at:
        time.sleep(0.5)
        watching.take_due()
    if len(settling):
        say(f"note: still being written, and left for the next time: {len(settling)}")
    return watching.failed + refused + send_what_waits(device)
