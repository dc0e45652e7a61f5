"""An option that a scheme leaves without effect is refused; one that repeats the scheme is not."""

from pathlib import Path
from typing import Any

import pytest

from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import HeadCodec, PacketFormat
from dsc_server.building.options import BuildOptions
from dsc_server.building.packet_options import packet_format_of, require_effect
from dsc_server.scheme_specs import SCHEMES, parse_scheme

IDLE = {
    "M is the scheme's": ("dsc", {"num_subvectors": 16}, "--subvectors"),
    "M is changed by the scheme": ("dsc-pq+M=4", {"num_subvectors": 8}, "--subvectors"),
    "a scheme without codes": ("dsc-raw", {"num_subvectors": 8}, "--subvectors"),
    "bits of no codes": ("dsc-raw", {"bits_per_subvector": 4}, "--bits"),
    "the scheme names the codec": ("dsc-pq+set", {"head_codec": HeadCodec.ZERO}, "--head-codec"),
    "a codec without a head": ("duc-pq", {"head_codec": HeadCodec.SET}, "--head-codec"),
    "labels without a head": ("exhaustive", {"head_labels": 3}, "--head-labels"),
    "whitening without a rotation": ("dsc-pq", {"whitening": Path("w")}, "--whitening"),
    "a change of the codec without a head": ("duc-pq+set", {}, "set"),
}


@pytest.mark.parametrize(("scheme", "given", "option"), IDLE.values(), ids=IDLE.keys())
def test_options_without_effect_are_refused(scheme: str, given: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"^{option} changes nothing in scheme '[^\n]*$"):
        require_effect(BuildOptions(**given), parse_scheme(scheme))


@pytest.mark.parametrize("scheme", ["dsc+M=8+M=16", "dsc-pq+spill=2+spill=3", "dsc-pq+set+zero"])
def test_a_change_named_twice_is_refused(scheme: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected [^\n]* once in scheme '[^\n]*, got it 2 times$"):
        require_effect(BuildOptions(), parse_scheme(scheme))


EFFECTIVE: list[tuple[str, dict[str, Any]]] = [
    ("dsc", {"num_subvectors": 40, "head_labels": 3, "bits_per_subvector": 4}),
    ("dsc-pq", {"num_subvectors": 16, "head_codec": HeadCodec.SET}),
    ("dsc-pq+set", {"head_codec": HeadCodec.SET}),
    ("dsc-shared", {"whitening": Path("w")}),
    ("hybrid", {"whitening": Path("w")}),
    ("duc-pq", {"head_codec": HeadCodec.ZERO, "bits_per_subvector": 4}),
    *((name, {}) for name in SCHEMES),
]


@pytest.mark.parametrize(("scheme", "given"), EFFECTIVE)
def test_options_with_an_effect_are_accepted(scheme: str, given: dict[str, Any]) -> None:
    require_effect(BuildOptions(**given), parse_scheme(scheme))


def test_the_defaults_are_the_papers_packet() -> None:
    assert packet_format_of(BuildOptions(), 1000) == PacketFormat(1000, 5, 8, 8, HeadCodec.CRC6)
    options = BuildOptions(head_labels=2, num_subvectors=4, bits_per_subvector=1, head_codec=HeadCodec.SET)
    assert packet_format_of(options, 32) == PacketFormat(32, 2, 4, 1, HeadCodec.SET)
