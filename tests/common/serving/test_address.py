"""Addresses: HOST:PORT in and out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import InvalidInputError
from dsc_common.serving.address import format_address, parse_address

names = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
hosts = names | st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(lambda host: f"[{host}]")


@given(hosts, st.integers(0, 65535))
def test_round_trip(host: str, port: int) -> None:
    assert parse_address(format_address(host, port)) == (host, port)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("localhost:0", ("localhost", 0)),
        ("10.0.0.7:50051", ("10.0.0.7", 50051)),
        ("[::1]:65535", ("[::1]", 65535)),
    ],
)
def test_by_hand(text: str, pair: tuple[str, int]) -> None:
    assert parse_address(text) == pair


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "host",
        "host:",
        ":80",
        "host:65536",
        "host:-1",
        "host:99999999",
        "host:80 ",
        " host:80",
        "host:80\n",
        "a b:80",
        "::1:80",
        "[::1]",
        "http://host:80",
        "host:80/x",
        "host:8o",
        "host:٨٠",  # digits, but not those of a port
    ],
)
def test_what_is_no_address_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_address(text)
    assert str(caught.value) == f"expected an address HOST:PORT, got {text!r}"
