"""How many requests per second each caller may send: the generic cell rate algorithm (ITU-T I.371).

A caller who sends evenly may send `per_s` requests per second; one who was silent may send `per_s * burst_s`
at once. The state of a caller is one number: the time up to which its requests have used its rate.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from dsc_common.errors import OverloadedError

BURST_S = 1.0
MOST_CALLERS = 10_000  # those who sent last: a caller that is left out has a full burst again


class RateLimit:
    """The rate of each caller.

    Args:
        per_s: requests per second; 0: as many as come.
        burst_s: requests of so many seconds may come at once.
        most_callers: callers that are remembered.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        per_s: float,
        burst_s: float = BURST_S,
        most_callers: int = MOST_CALLERS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_s, self._clock, self._most_callers = per_s, clock, most_callers
        # A rate below one request in `burst_s` still lets one pass.
        self._tolerance_s = max(burst_s - 1 / per_s, 0.0) if per_s else 0.0
        self._used_until: OrderedDict[str, float] = OrderedDict()

    def require(self, caller: str) -> None:
        """Count a request; OverloadedError, with the time to wait, if the caller has sent too many.

        Requests that are refused do not count.
        """
        if not self._per_s:
            return
        now = self._clock()
        used_until = max(self._used_until.get(caller, now), now)
        early_s = used_until - now - self._tolerance_s
        if early_s > 0:
            raise OverloadedError(
                f"{self._per_s:g} requests per second are allowed to each client; "
                f"the next one is in {1e3 * early_s:.0f} ms",
                retry_after_s=early_s,
            )
        self._used_until[caller] = used_until + 1 / self._per_s
        self._used_until.move_to_end(caller)
        if len(self._used_until) > self._most_callers:
            self._used_until.popitem(last=False)
