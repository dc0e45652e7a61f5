"""Steps at once or in turn: the same result, and the time of its own steps alone."""

import pytest

from dsc_common import steps as steps_module
from dsc_common.steps import Steps, finished, timed


def work(count: int) -> Steps[int]:
    for _ in range(count):
        yield
    return count


def failing() -> Steps[int]:
    yield
    raise KeyError("x")


@pytest.mark.parametrize("count", [0, 1, 5])
def test_all_steps_give_the_result(count: int) -> None:
    assert finished(work(count)) == count
    assert finished(timed(work(count)))[0] == count


def test_an_error_passes() -> None:
    with pytest.raises(KeyError):
        finished(failing())
    with pytest.raises(KeyError):
        finished(timed(failing()))


def test_time_between_steps_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(steps_module.time, "perf_counter", lambda: now[0])

    def seconds_of_work() -> Steps[str]:
        now[0] += 1.0
        yield
        now[0] += 2.0
        return "done"

    steps = timed(seconds_of_work())
    next(steps)
    now[0] += 100.0
    assert finished(steps) == ("done", 3.0)
