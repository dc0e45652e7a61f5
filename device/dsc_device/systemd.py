"""Messages to systemd, for services of type notify: ready, alive, and a line of status (sd_notify(3))."""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping

SOCKET, WATCHDOG_USEC = "NOTIFY_SOCKET", "WATCHDOG_USEC"


class Systemd:
    """The manager of this process; nothing is sent where there is none.

    Args:
        environment: with the address of its socket, and the time limit of its watchdog.
        clock: seconds since any moment.
    """

    def __init__(
        self, environment: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._address = environment.get(SOCKET, "").replace("@", "\0", 1)
        limit_us = environment.get(WATCHDOG_USEC, "")
        self._every_s = int(limit_us) / 4e6 if limit_us.isdecimal() else None
        self._clock, self._beaten_at = clock, float("-inf")

    def ready(self) -> None:
        """The service is up."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The service ends."""
        self._send("STOPPING=1")

    def beat(self) -> None:
        """The service is alive; sent four times in the time limit of the watchdog at most."""
        now = self._clock()
        if self._every_s is not None and now - self._beaten_at >= self._every_s:
            self._beaten_at = now
            self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(state.encode(), self._address)
