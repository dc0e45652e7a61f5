"""One line of the log for each query of a device, and the trace that its calls belong to."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dsc_common.errors import DscError
from dsc_common.observing.call import Call, within

LOG = logging.getLogger("dsc.request")


@contextmanager
def logged_query(request_id: str, traceparent: str | None) -> Iterator[Call]:
    """A query while the block runs: its calls carry its trace, and its end is logged.

    Args:
        request_id: of the query.
        traceparent: of the trace that it belongs to; None, or a value that is none: it begins one.
    """
    call = Call("query", lambda: traceparent, request_id)
    begun = time.perf_counter()
    with within(call):
        try:
            yield call
        except DscError as error:
            _log(call, begun, type(error).__name__)
            raise
        _log(call, begun, "OK")


def _log(call: Call, begun: float, status: str) -> None:
    if not LOG.isEnabledFor(logging.INFO):
        return
    steps_ms = {step: round(1e3 * seconds, 3) for step, seconds in call.steps.items()}
    ms = round(1e3 * (time.perf_counter() - begun), 3)
    LOG.info("query", extra={"fields": {"status": status, "ms": ms, "steps_ms": steps_ms}})
