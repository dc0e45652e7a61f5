"""Standard output as the place of results: after a crash the last line may be printed twice."""

from collections.abc import Callable

from dsc_common.cli.streams import require_open_stdout, show
from dsc_device.store.outbox import Line, Place


class StandardOutput:
    """Prints lines on standard output."""

    def check(self) -> None:
        """Raise OSError if it is closed; whether it is full shows when a line is printed."""
        require_open_stdout()

    def place(self) -> Place:
        """Standard output has no places."""
        return Place()

    def write(self, line: Line, _move: Callable[[Line], None]) -> None:
        """Print a line; BrokenPipeError if its reader is gone."""
        show(line.text.decode().removesuffix("\n"))
