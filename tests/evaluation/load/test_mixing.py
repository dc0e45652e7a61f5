"""Kinds of packets: lists with weights, proportions, and messages that are taken in turn."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import InvalidInputError
from dsc_common.radio.modes import Mode
from dsc_eval.load.mixing import MIXED, Kind, counts, kinds_of, mixed


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=12), st.integers(12, 2000))
def test_counts_are_in_proportion_and_no_kind_is_lost(weights: list[float], size: int) -> None:
    found = counts(weights, size)
    assert sum(found) == size
    assert min(found) >= 1
    rare = [weight for weight in weights if weight / sum(weights) * size < 1]
    for count, weight in zip(found, weights, strict=True):
        assert abs(count - max(1, weight / sum(weights) * size)) <= 1 + len(rare)


def test_lists_are_combined_and_weights_multiply() -> None:
    kinds = kinds_of("bpsk:3,qpsk", "5:2, inf", "joint")
    assert [(kind.mode, kind.snr_db, kind.receiver, kind.weight) for kind in kinds] == [
        (Mode.BPSK, 5, "joint", 6),
        (Mode.BPSK, math.inf, "joint", 3),
        (Mode.QPSK, 5, "joint", 2),
        (Mode.QPSK, math.inf, "joint", 1),
    ]
    assert [kind.name for kind in kinds][:2] == ["bpsk, 5 dB, joint", "bpsk, no noise, joint"]
    assert [kind.name for kind in kinds_of(None, None, None)] == ["default"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("bpsk,morse", None, None), "--modes: expected VALUE.*'morse'"),
        ((None, "0,", None), "--snr-db: expected VALUE"),
        ((None, "5:0", None), "weight above 0, got '5:0'"),
        ((None, "5:inf", None), "weight above 0"),
        ((None, "5:x", None), "got '5:x'"),
        ((None, "-1000", None), "SNR"),
        ((None, None, ":2"), "expected a value"),
    ],
)
def test_wrong_lists_are_refused(arguments: tuple[str | None, ...], line: str) -> None:
    with pytest.raises(InvalidInputError, match=line):
        kinds_of(*arguments)


def test_a_mix_has_all_kinds_in_proportion_and_their_messages_in_turn() -> None:
    kinds = [Kind(snr_db=0, weight=3), Kind(snr_db=10, weight=1)]
    messages = [[b"a0", b"a1", b"a2"], [b"b0", b"b1"]]
    made = mixed(kinds, messages, seed=1)
    assert len(made.requests) == MIXED
    assert Counter(made.kind_of) == {0: 750, 1: 250}
    assert Counter(made.requests) == {b"a0": 250, b"a1": 250, b"a2": 250, b"b0": 125, b"b1": 125}
    of_first = [request for request, kind in zip(made.requests, made.kind_of, strict=True) if kind == 0]
    assert of_first[:4] == [b"a0", b"a1", b"a2", b"a0"]
    assert made == mixed(kinds, messages, seed=1)
    assert made.kind_of != mixed(kinds, messages, seed=2).kind_of
    # Mixed, not one kind after the other: neighbours of all pairs occur about as often as by chance.
    same = sum(a == b for a, b in zip(made.kind_of, made.kind_of[1:], strict=False))
    assert same / (MIXED - 1) == pytest.approx(0.75**2 + 0.25**2, abs=0.06)
