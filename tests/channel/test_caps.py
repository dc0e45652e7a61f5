"""What a channel allows, and the line that says so."""

import re

import pytest

from dsc_channel.caps import LinkCaps, parse_modes
from dsc_channel.settings import ChannelSettings
from dsc_common.errors import InvalidInputError
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import Fading, LinkSettings
from dsc_common.radio.modes import Mode

CAPS = LinkCaps(frozenset({Mode.QPSK, Mode.BPSK}), max_uses=500, max_latency_ms=20, max_resends=2)


@pytest.mark.parametrize(
    ("link", "line"),
    [
        (LinkSettings(Mode.QAM16), "expected a mode that this channel allows, bpsk, qpsk, got qam16"),
        (LinkSettings(uses=501), "expected up to 500 uses on this channel, got 501"),
        (LinkSettings(latency_ms=20.5), "expected up to 20 ms of latency on this channel, got 20.5"),
        (LinkSettings(resends=3), "expected up to 2 resends on this channel, got 3"),
    ],
)
def test_what_is_beyond_is_refused(link: LinkSettings, line: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{re.escape(line)}$"):
        CAPS.require(link)


def test_what_is_within_is_taken() -> None:
    CAPS.require(LinkSettings(Mode.QPSK, uses=500, latency_ms=20, resends=2))


def test_modes_by_name() -> None:
    assert parse_modes("") == set(Mode)
    assert parse_modes("bpsk, qam16 ,") == {Mode.BPSK, Mode.QAM16}
    with pytest.raises(InvalidInputError, match=r"^expected modes among bpsk, .*, got 'morse'$"):
        parse_modes("bpsk,morse")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "MODE": "qam64",
        "FEC": "repetition",
        "USES": "100",
        "FADING": "rician",
        "CHANNEL_KNOWLEDGE": "false",
        "RESENDS": "1",
        "ALLOWED_MODES": "qam64,bpsk",
        "MAX_USES": "200",
    }.items():
        monkeypatch.setenv(f"DSC_CHANNEL_{name}", value)
    settings = ChannelSettings()
    assert settings.link == LinkSettings(
        Mode.QAM64,
        fec=Fec.REPETITION,
        uses=100,
        fading=Fading.RICIAN,
        channel_knowledge=False,
        resends=1,
    )
    assert settings.caps.modes == {Mode.QAM64, Mode.BPSK}
    assert settings.caps.max_uses == 200


def test_without_an_environment_the_settings_are_those_of_the_link() -> None:
    assert ChannelSettings().link == LinkSettings()
