"""What counts as flat: series that grow, peak, or only fill a cache at first; watching of real processes."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from dsc_eval.load.processes import Usage, process_at, usage
from dsc_eval.load_test.flatness import descriptors_finding, growth, memory_finding
from dsc_eval.load_test.record import Track
from dsc_eval.load_test.soak import Watch, process_findings, requests_findings
from helpers.load_reports import a_report

SECONDS = np.arange(0, 600, 1.0)


def _track(rss_mib: np.ndarray, descriptors: np.ndarray | None = None) -> Track:
    fds = np.full(len(rss_mib), 20) if descriptors is None else descriptors
    return Track(SECONDS.tolist(), rss_mib.tolist(), [int(each) for each in fds])


def _noise() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1.5, len(SECONDS))


@pytest.mark.parametrize(
    ("mib_per_minute", "good"), [(0.0, True), (0.3, True), (1.0, False), (5.0, False), (-5.0, True)]
)
def test_a_leak_is_found_in_noise(mib_per_minute: float, good: bool) -> None:
    track = _track(200 + mib_per_minute * SECONDS / 60 + _noise())
    grown, median = growth(track.times_s, track.rss_mib)
    assert grown == pytest.approx(mib_per_minute * 7.5, abs=0.5)
    assert median == pytest.approx(200 + mib_per_minute * 6.25, abs=0.5)
    assert memory_finding("server", track, 3.0).good is good


def test_a_cache_that_fills_at_first_and_single_peaks_are_flat() -> None:
    filled = 100 + 100 * np.minimum(SECONDS / 120, 1) + _noise()
    filled[300:310] += 80
    assert memory_finding("server", _track(filled), 3.0).good
    assert not memory_finding("server", _track(100 + SECONDS / 6), 3.0).good


def test_one_descriptor_more_is_found() -> None:
    steady = 20 + (SECONDS % 15 < 1) * 8  # connections that come and go
    assert descriptors_finding("channel", _track(SECONDS, steady)).good
    leaking = steady + SECONDS // 100
    found = descriptors_finding("channel", _track(SECONDS, leaking))
    assert not found.good
    assert found.text.startswith("23, +4.")


def test_nothing_seen_is_not_good() -> None:
    assert not memory_finding("server", Track([], [], []), 3.0).good
    assert not descriptors_finding("server", Track([], [], [])).good
    assert [finding.good for finding in process_findings({}, set(), 3.0)] == [False]
    assert growth([1.0], [7.0]) == (0.0, 7.0)


def test_errors_and_requests_that_were_not_sent_are_not_good() -> None:
    fine, bad = a_report(10.0), a_report(10.0, errors=1, not_sent=3)
    assert [finding.good for finding in requests_findings([fine, fine])] == [True, True]
    found = requests_findings([fine, bad])
    assert [finding.good for finding in found] == [False, False]
    assert [finding.text for finding in found] == ["1 of 2000 requests", "3 of 2000 requests were not sent"]


def test_a_process_that_ends_is_not_good() -> None:
    seen = threading.Event()

    def look(pid: int) -> Usage | None:
        if pid == 1:
            return Usage(0.0, {}, 1 << 20, 5)
        seen.set()
        return None

    with Watch({"server": 1, "channel": 2}, 0.001, look) as watch:
        assert seen.wait(10)
    assert watch.ended == {"channel"}
    tracks = watch.tracks()
    assert set(tracks["server"].rss_mib) == {1.0}
    names = [finding.name for finding in process_findings(tracks, watch.ended, 3.0) if not finding.good]
    assert names[0] == "process of the channel"


def test_processes_are_seen_with_those_that_they_started() -> None:
    code = (
        "import subprocess, sys, socket\n"
        "s = socket.create_server(('127.0.0.1', 0)); files = [open('/dev/null') for _ in range(50)]\n"
        "child = subprocess.Popen([sys.executable, '-c', 'print(1, flush=True); input()'],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(s.getsockname()[1], child.pid, flush=True); input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        port, child = map(int, parent.stdout.readline().split())
        both, one = usage(parent.pid), usage(child)
        assert both is not None
        assert one is not None
        assert both.descriptors - one.descriptors >= 53
        assert both.rss_bytes > one.rss_bytes > 1 << 20
        assert both.cpu_s >= one.cpu_s
        assert {parent.pid, child} <= set(both.threads)
        assert process_at(f"127.0.0.1:{port}") == parent.pid
        assert process_at(f"192.0.2.1:{port}") is None
        os.kill(child, 9)
        parent.kill()
        while usage(parent.pid) is not None:  # ended, though nobody has asked for its exit code
            os.sched_yield()
    assert usage(parent.pid) is None
