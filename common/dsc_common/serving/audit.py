"""The audit log: a line for each refused call and each use of the role admin, never with a token.

A flood of refusals costs few lines: beyond a burst they are counted, and the next line has their number.
"""

import logging
import time
from collections.abc import Callable

from dsc_common.serving.caller import Caller
from dsc_common.serving.roles import Role

LOG = logging.getLogger("dsc.audit")
BURST = 50
PER_SECOND = 5.0


class Audit:
    """Writes the audit log of a service.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._room, self._counted_at = float(BURST), clock()
        self._unwritten = 0

    def refused(self, key: str, role: Role | None, method: str, peer: str, why: str) -> None:
        """A call was refused.

        Args:
            key: the caller's key, see `caller_key`.
            role: its role, if it has one.
            method: full name of the method.
            peer: address and port, as gRPC writes them.
            why: the line of the error.
        """
        if not self._has_room():
            self._unwritten += 1
            return
        more = {"further_refusals": self._unwritten} if self._unwritten else {}
        self._unwritten = 0
        fields = {**_fields(key, role, method, peer), "reason": why, **more}
        LOG.warning("refused", extra={"fields": fields})

    def used(self, caller: Caller, method: str, peer: str) -> None:
        """A caller uses the role admin."""
        LOG.info("admin", extra={"fields": _fields(caller.key, caller.role, method, peer)})

    def _has_room(self) -> bool:
        now = self._clock()
        self._room = min(float(BURST), self._room + (now - self._counted_at) * PER_SECOND)
        self._counted_at = now
        if self._room < 1:
            return False
        self._room -= 1
        return True


def _fields(key: str, role: Role | None, method: str, peer: str) -> dict[str, object]:
    return {"caller": key, "role": role, "method": method.removeprefix("/"), "peer": peer}
