"""`python -m dsc_device.camera.v4l2_worker DEVICE [WIDTH HEIGHT]`: photos on demand, for `v4l2`."""

import sys
from pathlib import Path
from typing import Any

from dsc_common.cli.printable import printable
from dsc_common.cli.streams import show

STALE_FRAMES = 4  # that the driver took before the photo was asked for
QUALITY = 95
NEEDS = "this needs the extra `camera` of deep-semantic-coding"


def main() -> None:
    """Answer each path on stdin by `ok`, once the photo is there, or by what is wrong."""
    device, *shape = sys.argv[1:]
    camera = None
    for line in sys.stdin:
        try:
            camera = camera or _opened(device, [int(side) for side in shape])
            _capture(camera, Path(line.removesuffix("\n")))
            answer = "ok"
        except ImportError as error:
            answer = f"{NEEDS}: {error}"
        except (OSError, ValueError) as error:
            answer = str(error)
        show(printable(answer))


def _opened(device: str, shape: list[int]) -> Any:  # noqa: ANN401 (of an extra)
    import cv2  # noqa: PLC0415 (an extra)

    camera = cv2.VideoCapture(device, cv2.CAP_V4L2)
    if not camera.isOpened():
        raise OSError(f"cannot open {device}")
    for name, side in zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), shape, strict=False):
        camera.set(name, side)
    return camera


def _capture(camera: Any, path: Path) -> None:  # noqa: ANN401
    import cv2  # noqa: PLC0415

    for _ in range(STALE_FRAMES):
        camera.grab()
    is_read, frame = camera.read()
    if not is_read:
        raise OSError("the device gives no frame")
    is_encoded, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not is_encoded:
        raise OSError("the frame cannot be encoded")
    path.write_bytes(data.tobytes())


if __name__ == "__main__":
    main()
