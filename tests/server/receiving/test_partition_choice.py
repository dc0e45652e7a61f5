"""Which partitions are read: plain loops over all of them, and the limits one by one."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.packet.format import PacketFormat
from dsc_server.index.receiver_model import ReceiverModel
from dsc_server.index.search_limits import SearchLimits
from dsc_server.index.summary import DatabaseSummary
from dsc_server.receiving.decoded_packet import DecodedHead
from dsc_server.receiving.partition_choice import inclusion, likely_partitions, with_near
from helpers.examples import random_index

SIZES = [3, 0, 8, 1, 2, 2, 0, 5, 1, 4, 7, 1]
LABELS = 3


@cache
def summary_of(probes: int = 2) -> DatabaseSummary:
    index = random_index(np.random.default_rng(1), SIZES, PacketFormat(len(SIZES), LABELS, 2), 2)
    return replace(index.summary, probes=probes)


LIMITS = st.builds(
    SearchLimits,
    max_candidates=st.integers(1, 40),
    min_candidates=st.integers(1, 40),
    max_partitions=st.integers(1, 15),
)
# Few different numbers, so that many are equal.
PROBABILITIES = st.one_of(st.sampled_from([0.0, 0.1, 0.5, 0.6, 1.0]), st.floats(0, 1))
ROWS = st.lists(PROBABILITIES, min_size=len(SIZES), max_size=len(SIZES))


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_inclusion_is_the_chance_of_at_least_one_slot(rows: list[list[float]]) -> None:
    found = inclusion(np.array(rows))
    expected = [1 - math.prod(1 - row[label] for row in rows) for label in range(len(SIZES))]
    np.testing.assert_allclose(found, expected, atol=1e-11)


def likely_by_loop(
    included: list[float], decided: list[int], model: ReceiverModel, limits: SearchLimits
) -> list[int]:
    possible = [k for k, p in enumerate(included) if SIZES[k] and p >= model.least_inclusion]
    first = [k for k in decided if k in possible and included[k] > 0.5]
    rest = sorted((k for k in possible if k not in first), key=lambda k: (-included[k], k))
    order, read = [*first, *rest], list[int]()
    total = sum(included[k] for k in possible)
    for k in order:
        covered = sum(included[other] for other in read)
        if covered >= model.partition_coverage * total or len(read) >= max(limits.max_partitions, LABELS):
            break
        if len(read) >= LABELS and sum(SIZES[other] for other in [*read, k]) > limits.max_candidates:
            break
        read.append(k)
    return read


@given(ROWS, st.permutations(range(len(SIZES) + 1)), LIMITS, st.sampled_from([0.5, 0.9, 0.99]))
def test_likely_partitions_are_those_of_a_loop(
    included: list[float], labels: list[int], limits: SearchLimits, coverage: float
) -> None:
    summary = summary_of()
    model = replace(summary.receiver_model, partition_coverage=coverage)
    head = DecodedHead(np.array(labels[:LABELS]), trusted=True)  # one of them does not exist
    found = likely_partitions(
        replace(summary, receiver_model=model), head, np.array(included), limits
    ).tolist()
    expected = likely_by_loop(included, labels[:LABELS], model, limits)
    # Sums in another order may reach the coverage one partition later or earlier.
    shorter, longer = sorted([found, expected], key=len)
    assert longer[: len(shorter)] == shorter
    assert len(longer) - len(shorter) <= 1
    covered = sum(included[label] for label in shorter)
    possible = sum(p for p, size in zip(included, SIZES, strict=True) if size and p >= model.least_inclusion)
    assert longer == shorter or covered >= coverage * possible * (1 - 1e-12)


def near_by_loop(
    partitions: list[int], similarities: list[float], trust: float, probes: int, limits: SearchLimits
) -> list[int]:
    rest = [k for k in range(len(SIZES)) if SIZES[k] and k not in partitions]
    rest.sort(key=lambda k: (-similarities[k], k))
    read, listed, doubtful = list[int](), sum(SIZES[k] for k in partitions), 0
    for place, k in enumerate(rest):
        after = listed + SIZES[k]
        doubtful += after <= (1 - trust) * limits.max_candidates
        wanted = place < probes or listed < limits.min_candidates or doubtful > place
        if after > limits.max_candidates or not wanted:
            break
        read.append(k)
        listed = after
    return [*partitions, *read]


@given(
    st.permutations(range(len(SIZES))),
    st.integers(0, 4),
    st.lists(
        st.one_of(st.sampled_from([0.0, -0.0, 0.25]), st.floats(-1, 1, width=32)), min_size=12, max_size=12
    ),
    st.floats(0, 1),
    st.integers(1, 5),
    LIMITS,
)
def test_near_partitions_are_those_of_a_loop(
    labels: list[int], count: int, similarities: list[float], trust: float, probes: int, limits: SearchLimits
) -> None:
    partitions: NDArray[np.int64] = np.array(labels[:count], dtype=np.int64)
    values = np.array(similarities, dtype=np.float32)
    found = with_near(summary_of(probes), partitions, values, trust, limits)
    assert found.tolist() == near_by_loop(labels[:count], similarities, trust, probes, limits)


def test_nothing_is_read_where_nothing_can_be() -> None:
    head = DecodedHead(np.arange(LABELS), trusted=False)
    nowhere = np.zeros(len(SIZES))
    assert likely_partitions(summary_of(), head, nowhere, SearchLimits()).tolist() == []
    everywhere = with_near(
        summary_of(), np.zeros(0, dtype=np.int64), np.zeros(len(SIZES), dtype=np.float32), 0.0, SearchLimits()
    )
    assert everywhere.tolist() == [k for k, size in enumerate(SIZES) if size]
