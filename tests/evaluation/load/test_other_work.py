"""Processor time of other processes, from the system's counters."""

import os

import pytest

from dsc_eval.load import other_work
from dsc_eval.load.other_work import OtherWork, busy_seconds

TICKS = os.sysconf("SC_CLK_TCK")


def test_idle_time_and_guests_do_not_count() -> None:
    stat = "cpu  100 20 30 9000 800 4 5 6 70 8\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\n"
    assert busy_seconds(stat) == (100 + 20 + 30 + 4 + 5 + 6) / TICKS
    assert busy_seconds("") is None


def test_what_this_process_does_is_no_work_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_work, "_stat", lambda: f"cpu  {1000 * TICKS} 0 0 0 0 0 0 0")
    monkeypatch.setattr(other_work, "_own_seconds", lambda: 60.0)
    monkeypatch.setattr(other_work.time, "monotonic", lambda: 500.0)
    work = OtherWork(since=400.0, busy=750.0, own=10.0)
    assert work.cores() == (250.0 - 50.0) / 100.0


def test_a_system_without_counters_has_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_work, "_stat", lambda: "")
    assert OtherWork().cores() is None
