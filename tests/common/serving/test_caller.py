"""Names of peers → the key by which their requests are counted."""

import pytest

from dsc_common.serving.caller import address_key


@pytest.mark.parametrize(
    ("peer", "key"),
    [
        ("ipv4:10.0.0.7:4711", "address:10.0.0.7"),
        ("ipv6:%5B::1%5D:4711", "address:::/64"),
        ("ipv6:[2001:db8:1:2:3:4:5:6]:80", "address:2001:db8:1:2::/64"),
        ("ipv6:%5B2001:db8:1:2:ffff::1%5D:99", "address:2001:db8:1:2::/64"),
        ("ipv6:%5Bfe80::1%25eth0%5D:99", "address:fe80::/64"),
        ("ipv6:%5B::ffff:10.0.0.7%5D:80", "address:10.0.0.7"),
        ("unix:", "address:unix"),
        ("unix:/run/dsc.sock", "address:unix"),
        ("", "address:"),
    ],
)
def test_ports_and_addresses_of_one_network_share_a_key(peer: str, key: str) -> None:
    assert address_key(peer) == key
