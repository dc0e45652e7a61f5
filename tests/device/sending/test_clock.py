"""Certificates wait for the clock: a date of the past, a clock that has not synchronised, and a limit."""

from pathlib import Path

import pytest

from dsc_device.sending.clock import EARLIEST, ClockError, ClockGate

PAST, PRESENT = EARLIEST.timestamp() - 1, EARLIEST.timestamp() + 1e7


class Times:
    def __init__(self, now: float) -> None:
        self.now, self.monotonic = now, 50.0


def gate_of(times: Times, timesync: Path) -> ClockGate:
    return ClockGate(600, timesync, lambda: times.now, lambda: times.monotonic)


def test_a_date_of_the_past_holds_certificates_back(tmp_path: Path) -> None:
    times = Times(PAST)
    gate = gate_of(times, tmp_path / "absent")
    with pytest.raises(ClockError, match=r"^certificates are not judged yet: the clock shows 2025-12-31$"):
        gate.require()
    times.now = PRESENT
    gate.require()


def test_a_clock_that_systemd_sets_must_have_synchronised(tmp_path: Path) -> None:
    gate = gate_of(Times(PRESENT), tmp_path)
    with pytest.raises(ClockError, match="the clock has not synchronised"):
        gate.require()
    (tmp_path / "synchronized").touch()
    gate.require()


def test_where_another_program_sets_the_clock_its_time_counts(tmp_path: Path) -> None:
    gate_of(Times(PRESENT), tmp_path / "absent").require()


def test_after_the_limit_certificates_are_judged_in_any_case(tmp_path: Path) -> None:
    times = Times(PAST)
    gate = gate_of(times, tmp_path)
    times.monotonic += 599
    with pytest.raises(ClockError):
        gate.require()
    times.monotonic += 1
    gate.require()
    times.monotonic -= 1
    gate.require()
