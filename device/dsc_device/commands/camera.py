"""`dsc-device camera`: takes photos and sends each as a query."""

import contextlib
import threading
from functools import partial
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
    from dsc_device.camera.camera import Camera
    from dsc_device.camera.triggers import Trigger

CSI = "csi"
DEFAULT_DEVICE = "/dev/video0"
CAPTURES = "captures"


@with_link_options
@with_store_options
@with_retrieval_options
def camera(
    camera: Annotated[
        str | None,
        typer.Option(
            metavar="csi|DEVICE",
            help=f"The camera: csi, through rpicam-still; or a V4L2 device. "
            f"(default: csi if rpicam-still is installed, else {DEFAULT_DEVICE})",
            show_default=False,
        ),
    ] = None,
    every_s: Annotated[
        float | None,
        typer.Option(min=0.1, max=MAX_WAIT_S, help="Take a photo every so many seconds.", show_default=False),
    ] = None,
    on_line: Annotated[
        bool, typer.Option("--on-line", help="Take a photo for each line on standard input.")
    ] = False,
    trigger: Annotated[
        Path | None,
        typer.Option(parser=path_of, metavar="FILE", help="Take a photo when FILE appears, and remove FILE."),
    ] = None,
    capture_s: Annotated[
        float, typer.Option(min=1.0, max=600.0, help="Time limit of a photo; the camera is then restarted.")
    ] = 20.0,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Pixels of a photo. (default: the camera's)", show_default=False),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(parser=path_of, metavar="DIR", help="Keep the photos in DIR.")
    ] = None,
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
    *,
    settings: DeviceSettings,
    link: LinkChoice,
    options: RetrievalOptions,
) -> None:
    """Take photos with a camera and send each as a query.

    While there is no link, queries wait in a queue on disk. A camera that hangs is restarted.
    """
    with refused_as_setting():
        link.over(LinkSettings())
    pixels = _size(size)
    when = _trigger(every_s, on_line, trigger)
    with lines_of("device", with_log(settings, log_format, log_level)):
        opened = _camera(camera, capture_s, pixels)
        with contextlib.closing(opened):
            failed = _run(opened, when, keep, settings, link, options)
    if failed:
        raise typer.Exit(1)


def _run(
    camera: "Camera",
    when: "Trigger",
    keep: Path | None,
    settings: DeviceSettings,
    link: LinkChoice,
    options: RetrievalOptions,
) -> int:
    """The number of triggers without a photo, and of queries that were refused; 0 when it is stopped."""
    from dsc_device.camera.shooting import Shooting  # noqa: PLC0415 (loads ONNX Runtime)
    from dsc_device.places import require_folder  # noqa: PLC0415
    from dsc_device.sending.running import running, send_what_waits, until_stopped  # noqa: PLC0415
    from dsc_device.systemd import Systemd  # noqa: PLC0415
    from dsc_device.watching.taking import Taker  # noqa: PLC0415

    failed, systemd = 0, Systemd()
    folder = (keep or settings.state_folder / CAPTURES).absolute()
    require_folder(folder, "photos")
    with running(settings, systemd.beat) as device:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        taker = Taker(device.store, device.extractor, link, options, say)
        woken = device.sender.wake.set
        shooting = Shooting(camera, folder, taker, say, keep=keep is not None, on_queued=woken)
        with contextlib.suppress(InterruptionError):
            until_stopped(device, partial(shooting.run, when), threading.Event(), systemd.ready)
            failed = send_what_waits(device) + shooting.failed  # the last line was read
            if shooting.failed:
                say(f"error: {shooting.failed} of {shooting.asked} photos could not be taken")
        systemd.stopping()
    return failed


def _trigger(every_s: float | None, on_line: bool, file: Path | None) -> "Trigger":
    from dsc_device.camera import triggers  # noqa: PLC0415

    if (every_s is not None) + on_line + (file is not None) != 1:
        raise SettingError("expected one of --every-s, --on-line and --trigger")
    if every_s is not None:
        return triggers.every(every_s)
    if file is None:
        return triggers.on_line()
    triggers.require_place(file)
    return triggers.on_file(file)


def _camera(name: str | None, limit_s: float, size: tuple[int, int] | None) -> "Camera":
    from dsc_device.camera.csi import PROGRAMS, CsiCamera, find_program  # noqa: PLC0415
    from dsc_device.camera.v4l2 import V4l2Camera, require_device, worker_command  # noqa: PLC0415

    program = find_program()
    if name == CSI and program is None:
        raise SettingError(f"--camera csi: expected {' or '.join(PROGRAMS)} on the PATH, found neither")
    if program is not None and name in (None, CSI):
        return CsiCamera(program, limit_s, size)
    device = name or DEFAULT_DEVICE
    require_device(device)
    return V4l2Camera(worker_command(device, size), limit_s)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 16 <= int(width) <= 16384 >= int(height) >= 16):
        raise SettingError(f"--size: expected WIDTHxHEIGHT, each from 16 to 16384, got {text!r}")
    return int(width), int(height)
