"""What a link may be set to, and what a request chooses of it."""

import math
import re
from dataclasses import FrozenInstanceError, fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import InvalidInputError
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import (
    LINK_FIELDS,
    Fading,
    HeadProtection,
    LinkChoice,
    LinkSettings,
    ReceivedSignal,
)
from dsc_common.radio.modes import Mode


@pytest.mark.parametrize("snr_db", [math.nan, -math.inf, -100.1, 100.1, 1e9])
def test_an_impossible_snr_is_refused(snr_db: float) -> None:
    line = f"expected an SNR from -100 to 100 dB, or inf, got {snr_db:g}"
    with pytest.raises(InvalidInputError, match=f"^{re.escape(line)}$"):
        LinkSettings(snr_db=snr_db)


@pytest.mark.parametrize("snr_db", [-100.0, -20.0, 0.0, 100.0, math.inf])
def test_any_other_snr_is_taken(snr_db: float) -> None:
    assert LinkSettings(snr_db=snr_db).snr_db == snr_db


@pytest.mark.parametrize("seed", [-1, 1 << 64])
def test_an_impossible_seed_is_refused(seed: int) -> None:
    with pytest.raises(InvalidInputError, match=rf"^expected a seed from 0 to 2\^64 - 1, got {seed}$"):
        LinkSettings(seed=seed)


@given(st.none() | st.sampled_from(Mode), st.none() | st.floats(-50, 50), st.none() | st.integers(0, 99))
def test_a_choice_is_put_over_the_settings(mode: Mode | None, snr_db: float | None, seed: int | None) -> None:
    settings = LinkSettings(snr_db=7.0, seed=3)
    chosen = LinkChoice(mode, snr_db, seed).over(settings)
    assert chosen.mode is (mode or settings.mode)
    assert chosen.snr_db == (7.0 if snr_db is None else snr_db)
    assert chosen.seed == (3 if seed is None else seed)


def test_a_choice_of_zero_is_a_choice() -> None:
    assert LinkChoice(snr_db=0.0, seed=0).over(LinkSettings(snr_db=9.0, seed=9)) == LinkSettings(
        snr_db=0.0, seed=0
    )


@pytest.mark.parametrize("choice", [LinkChoice(snr_db=math.nan), LinkChoice(seed=-1)])
def test_an_impossible_choice_is_refused(choice: LinkChoice) -> None:
    with pytest.raises(InvalidInputError):
        choice.over(LinkSettings())


@pytest.mark.parametrize("sample", [math.nan, math.inf, -math.inf])
def test_samples_that_are_no_numbers_are_refused(sample: float) -> None:
    samples = np.array([1.0, sample], dtype=np.float32)
    with pytest.raises(InvalidInputError, match=r"^expected finite samples, got NaN or infinity$"):
        ReceivedSignal(Mode.BPSK, samples, 1.0)


@pytest.mark.parametrize("variance", [0.0, -0.0, -1.0, math.nan, math.inf])
def test_a_noise_variance_that_is_none_is_refused(variance: float) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected a noise variance above 0, got "):
        ReceivedSignal(Mode.BPSK, np.zeros(8, dtype=np.float32), variance)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"uses": -1}, "expected uses from 0 to 4096, got -1"),
        ({"uses": 4097}, "expected uses from 0 to 4096, got 4097"),
        ({"rician_k_db": math.nan}, "expected a Rician K from -60 to 60 dB, got nan"),
        ({"fading_block_uses": -1}, "expected fading block uses from 0 to 4096, got -1"),
        ({"erasure_rate": 1.5}, "expected an erasure rate from 0 to 1, got 1.5"),
        ({"erasure_rate": math.nan}, "expected an erasure rate from 0 to 1, got nan"),
        ({"latency_ms": -1.0}, "expected a latency from 0 to 600000 ms, got -1"),
        ({"latency_ms": math.inf}, "expected a latency from 0 to 600000 ms, got inf"),
        ({"resends": 65}, "expected resends from 0 to 64, got 65"),
        (
            {"erasure_rate": 0.8, "erasure_burst": 3.9},
            "expected an erasure burst of at least 4 at an erasure rate of 0.8, or 0, got 3.9",
        ),
        (
            {"erasure_rate": 0.1, "erasure_burst": math.inf},
            "expected an erasure burst from 0 to 1e+09, got inf",
        ),
        (
            {"mode": Mode.RECONSTRUCTION, "fading": Fading.RAYLEIGH},
            "expected fading none with mode reconstruction, which is no physical channel, got rayleigh",
        ),
    ],
)
def test_what_no_link_can_be_is_refused(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{re.escape(line)}$"):
        LinkSettings(**changes)


def test_a_choice_may_choose_all_that_settings_have() -> None:
    assert [field.name for field in fields(LinkChoice)] == [field.name for field in fields(LinkSettings)]
    assert set(vars(LinkChoice()).values()) == {None}
    assert LinkChoice(uses=3) == LinkChoice(uses=3) != LinkChoice(uses=4)
    with pytest.raises(TypeError, match="snr"):
        LinkChoice(snr=3.0)
    with pytest.raises(FrozenInstanceError):
        LinkChoice().uses = 3


def test_each_field_of_the_link_is_described() -> None:
    assert [(field.name, field.default) for field in LINK_FIELDS] == list(vars(LinkSettings()).items())
    assert {field.name: field.kind for field in LINK_FIELDS} == {
        "mode": Mode,
        "snr_db": float,
        "seed": int,
        "fec": Fec,
        "uses": int,
        "fading": Fading,
        "rician_k_db": float,
        "fading_block_uses": int,
        "channel_knowledge": bool,
        "head_protection": HeadProtection,
        "erasure_rate": float,
        "erasure_burst": float,
        "latency_ms": float,
        "resends": int,
    }
    for field in LINK_FIELDS:
        assert field.about.text.endswith(".")
        assert (field.about.low is None) == (field.about.noun == "")


def test_complex_uses_have_two_samples() -> None:
    assert ReceivedSignal(Mode.QPSK, np.zeros(8, dtype=np.float32), 1.0).uses == 4
    with pytest.raises(InvalidInputError, match=r"^expected two samples per use with qpsk, got 7 samples$"):
        ReceivedSignal(Mode.QPSK, np.zeros(7, dtype=np.float32), 1.0)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"samples": np.full(8, -2e9, dtype=np.float32)}, "expected samples up to 1e+09, got 2e+09"),
        ({"gains": np.array([3e38], dtype=np.float32)}, "expected gains up to 1e+09, got 3e+38"),
        ({"noise_variance": 1.7e308}, "expected a noise variance up to 1e+15, got 1.7e+308"),
    ],
)
def test_numbers_that_no_link_makes_are_refused(changed: dict[str, Any], line: str) -> None:
    whole = {"mode": Mode.BPSK, "samples": np.zeros(8, dtype=np.float32), "noise_variance": 1.0}
    ReceivedSignal(**whole)
    with pytest.raises(InvalidInputError, match=f"^{re.escape(line)}$"):
        ReceivedSignal(**whole | changed)
