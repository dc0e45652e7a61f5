"""The decoding benchmark on a small data set: its rows; no time is judged."""

import pytest

from dsc_common.errors import InvalidInputError
from dsc_eval.bench.decode import DECODING_STEPS, TOTAL, DecodeSettings, run
from dsc_eval.experiments.decoding import STEPS, signals_of
from dsc_eval.experiments.settings import validated
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.scheme import build_scheme
from dsc_server.scheme_specs import parse_scheme
from helpers.small_benchmark import N

SCHEME = "dsc+M=8"


def test_steps_make_up_the_whole_and_none_of_them_is_ranking(data: BenchmarkData) -> None:
    settings = DecodeSettings(scheme=SCHEME, packets=3, runs=2)
    rows = list(run(data, settings))
    assert set(DECODING_STEPS) == set(STEPS) - {"ranking"}
    assert [(row["receiver"], row["snr_db"], row["step"]) for row in rows] == [
        (receiver, snr_db, step)
        for snr_db in (0.0, 10.0)
        for receiver in ("joint", "hard")
        for step in (TOTAL, *DECODING_STEPS)
    ]
    for start in range(0, len(rows), 1 + len(DECODING_STEPS)):
        total, *parts = rows[start : start + 1 + len(DECODING_STEPS)]
        assert (total["database"], total["packets"], total["runs"]) == (N, 3, 2)
        assert 0 < float(total["ms_min"]) <= float(total["ms"]) <= float(total["ms_max"])
        assert sum(float(part["ms"]) for part in parts) == pytest.approx(float(total["ms"]), abs=1e-3)


def test_packets_repeat_with_other_noise(data: BenchmarkData) -> None:
    scheme = build_scheme(parse_scheme(SCHEME), data.features, 5)
    packets = [scheme.pack(query) for query in data.features.queries[:2]]
    signals = signals_of(scheme, packets, 0.0, seed=0, count=4)
    assert len(signals) == 4
    assert len({signal.samples.tobytes() for signal in signals}) == 4
    clear = signals_of(scheme, packets, float("inf"), seed=0, count=4)
    assert clear[0].samples.tobytes() == clear[2].samples.tobytes() != clear[1].samples.tobytes()


def test_a_receiver_by_two_names_is_measured_once() -> None:
    assert DecodeSettings(receivers=["default", "hard", "joint"]).receivers == ["joint", "hard"]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"receivers": ["best"]}, "receivers: unknown receiver 'best'"),
        ({"scheme": "best"}, "scheme: unknown scheme 'best'"),
        ({"packets": 0}, "packets: "),
    ],
)
def test_settings_that_make_no_sense_are_one_line(given: dict[str, object], line: str) -> None:
    with pytest.raises(InvalidInputError, match=line) as raised:
        validated(DecodeSettings, "bench decode", given)
    assert "\n" not in str(raised.value)
