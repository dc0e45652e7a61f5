"""TLS on both links: certificates are checked, and a link without them is refused."""

from pathlib import Path

import pytest
import trustme

from helpers.in_process import run
from helpers.real_processes import System, json_lines, only_line, start_channel, start_server

PAIR = ("--tls-certificate", "--tls-key")


@pytest.fixture
def pems(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Certificate chain, key, and the CA that issued them."""
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    paths = (tmp_path / "chain.pem", tmp_path / "key.pem", tmp_path / "ca.pem")
    paths[0].write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    server.private_key_pem.write_to_path(str(paths[1]))
    authority.cert_pem.write_to_path(str(paths[2]))
    return paths


def test_both_links_by_tls(system: System, tmp_path: Path, pems: tuple[Path, Path, Path]) -> None:
    chain, key, ca = pems
    pair = (PAIR[0], chain, PAIR[1], key)
    with (
        start_server(system.index, *pair) as server,
        start_channel(server.address, *pair, "--server-tls-ca", ca) as channel,
    ):
        query = (
            *("query", system.queries[0], "--server", server.address, "--channel", channel.address),
            *("--cache", tmp_path / "cache", "--json"),
        )
        trusted = run("dsc_device", *query, "--server-tls-ca", ca, "--channel-tls-ca", ca)
        assert trusted.returncode == 0, trusted.stderr
        assert len(json_lines(trusted.stdout)) == 1
        plain = run("dsc_device", *query, "--wait-s", "1")
        assert plain.returncode == 1
        assert only_line(plain.stderr) == f"error: server at {server.address} did not answer within 1 s"


def test_half_a_pair_is_refused(system: System, pems: tuple[Path, Path, Path]) -> None:
    done = run("dsc_server", "serve", "--index", system.index, PAIR[0], pems[0])
    assert done.returncode == 2
    assert "expected both a TLS certificate and its key" in done.stderr.splitlines()[-1]
