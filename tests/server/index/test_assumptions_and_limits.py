"""Assumptions and limits: bounds, settings of the same names, and that every one of them has an effect."""

from dataclasses import fields, replace

import numpy as np
import pytest

from dsc_channel.transmission import transmit
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import PacketFormat
from dsc_common.radio.link import LinkSettings
from dsc_server.index.receiver_model import DEFAULT_MODEL, ReceiverModel
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.rank import rank
from dsc_server.receiving.registry import receive
from dsc_server.settings import ServerSettings
from helpers.clusters import index_of, packed, queries


@pytest.mark.parametrize("name", [field.name for field in fields(ReceiverModel)])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_assumptions_have_bounds(name: str, value: float) -> None:
    least = "above 0, up to"
    if name == "doubtful_expansion":  # 0 is none
        least, value = "from 0 up to", value or -0.5
    with pytest.raises(InvalidInputError, match=rf"^expected {name} of a receiver model {least} [^\n]*$"):
        ReceiverModel(**{name: value})


@pytest.mark.parametrize("name", [field.name for field in fields(SearchLimits)])
def test_limits_are_settings_of_the_server(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match=rf"^expected {name} from 1, got 0$"):
        SearchLimits(**{name: 0})
    monkeypatch.setenv("DSC_SERVER_INDEX", "index")
    assert ServerSettings().search_limits == DEFAULT_LIMITS
    monkeypatch.setenv(f"DSC_SERVER_{name.upper()}", "7")
    assert ServerSettings().search_limits == replace(DEFAULT_LIMITS, **{name: 7})


def outcome(index: SemanticIndex, scheme: str, snr_db: float, limits: SearchLimits) -> list[float]:
    """All that a retrieval gives, as numbers, over some queries."""
    numbers: list[float] = []
    for number, query in enumerate(queries(6)[0]):
        signal = transmit(
            packed(index, scheme, query), index.format, LinkSettings(snr_db=snr_db), f"{number}"
        )
        decoded = receive(index.summary, [signal], limits=limits)
        ranked = rank(index, decoded, index.ranking, limits=limits)
        numbers += [decoded.confidence, *decoded.partitions.tolist(), *ranked.images.tolist()]
        numbers += ranked.scores.tolist()
    return numbers


# Where each assumption decides: scheme, SNR in dB, another value.
DECIDES = {
    "match_distance": ("dsc+M=8", 0.0, 1.0),
    "head_agreement": ("dsc+M=8", 0.0, 0.1),
    "slot_independence": ("dsc+M=8", 0.0, 0.1),
    "chance_sigmas": ("dsc+M=8", 0.0, 3.0),
    "soft_bandwidth": ("dsc-pq", 0.0, 0.9),
    "near_certain": ("dsc-pq", 4.0, 0.5),
    "max_label_evidence": ("dsc+M=8", 0.0, 0.5),
    "clear_confidence": ("dsc+M=8", 3.0, 0.01),
    "doubtful_expansion": ("dsc+M=8", 0.0, 0.2),
    "partition_coverage": ("dsc-pq", 0.0, 0.3),
    "least_inclusion": ("dsc-pq", 0.0, 0.5),
}


@pytest.mark.parametrize("name", DECIDES)
def test_every_assumption_has_an_effect(name: str) -> None:
    scheme, snr_db, value = DECIDES[name]
    index = index_of(scheme)
    other = replace(index.summary, receiver_model=replace(DEFAULT_MODEL, **{name: value}))
    changed = replace(index, summary=other)
    assert outcome(changed, scheme, snr_db, DEFAULT_LIMITS) != outcome(index, scheme, snr_db, DEFAULT_LIMITS)


WORKS = {
    "min_candidates": ("dsc+M=8+probes=1", 8.0, 1),
    "max_candidates": ("dsc+M=8", -3.0, 20),
    "max_partitions": ("dsc-pq", -3.0, 1),
    "rerank_depth": ("dsc+M=8", 0.0, 3),
    "labels_per_slot": ("dsc-pq", -3.0, 1),
    "scrambled_labels": ("dsc-pq+scrambled", -3.0, 1),
    "likely_codewords": ("dsc-pq", -3.0, 1),
}


def test_every_field_is_tried() -> None:
    assert set(DECIDES) == {field.name for field in fields(ReceiverModel)}
    assert set(WORKS) == {field.name for field in fields(SearchLimits)}


@pytest.mark.parametrize("name", WORKS)
def test_every_limit_has_an_effect(name: str) -> None:
    scheme, snr_db, value = WORKS[name]
    index = index_of(scheme)
    limited = outcome(index, scheme, snr_db, SearchLimits(**{name: value}))
    assert limited != outcome(index, scheme, snr_db, DEFAULT_LIMITS)
    assert np.isfinite(limited).all()


def test_a_summary_of_another_shape_is_refused() -> None:
    summary = index_of("dsc-pq").summary
    for wrong in (
        {"list_sizes": summary.list_sizes[:-1]},
        {"list_sizes": -summary.list_sizes},
        {"format": PacketFormat(7, 2, 4)},
        {"label_model": replace(summary.label_model, means=summary.label_model.means[:-1])},
    ):
        with pytest.raises(InvalidInputError, match=r"^expected [^\n]*$"):
            replace(summary, **wrong)
