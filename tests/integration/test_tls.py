"""TLS on both links: certificates are checked, and a link without them is refused."""

import socket
from pathlib import Path

import pytest
import trustme

from dsc_common.serving.cause import NEEDS_TLS
from helpers.in_process import run
from helpers.real_processes import System, json_lines, only_line, start_channel, start_server
from helpers.real_processes import run as run_process

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


def test_both_links_by_tls(
    system: System, tmp_path: Path, pems: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
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
        # As in the containers: each checks itself, with the variables that it serves by.
        monkeypatch.setenv("DSC_CHANNEL_LISTEN", channel.address)
        monkeypatch.setenv("DSC_CHANNEL_TLS_CERTIFICATE", str(chain))
        ready = ("--service", "dsc.v1.TransmissionService", "--wait-s", "30")
        checked = run_process("dsc_common.healthcheck", channel.address, *ready)
        assert checked.returncode == 0, checked.stderr
        plain = run("dsc_device", *query, "--wait-s", "1")
        assert plain.returncode == 1
        late = f"error: server at {server.address} did not answer within 1 s: "
        assert only_line(plain.stderr) == f"{late}{NEEDS_TLS}"
        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(str(other))
        strange = run_process("dsc_device", *query, "--wait-s", "1", "--server-tls-ca", other)
        assert only_line(strange.stderr) == f"{late}its certificate is not from a CA in {other}"


def test_half_a_pair_is_refused(system: System, pems: tuple[Path, Path, Path]) -> None:
    done = run("dsc_server", "serve", "--index", system.index, PAIR[0], pems[0])
    assert done.returncode == 2
    assert "expected both a TLS certificate and its key" in done.stderr.splitlines()[-1]


def test_a_swapped_pair_ends_the_start_with_one_line(pems: tuple[Path, Path, Path]) -> None:
    chain, key, _ = pems
    done = run_process("dsc_channel", "serve", "--listen", "127.0.0.1:0", PAIR[0], key, PAIR[1], chain)
    assert done.returncode == 1
    assert only_line(done.stderr) == (
        f"error: cannot use the TLS certificate {key} with the key {chain}: {key} holds no certificate (PEM)"
    )


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
@pytest.mark.parametrize(("taken", "wanted"), [("127.0.0.1", "[::]"), ("[::]", "127.0.0.1")])
def test_an_address_in_use_is_one_line(taken: str, wanted: str) -> None:
    with start_channel("127.0.0.1:1", "--listen", f"{taken}:0", "--insecure") as channel:
        listen = f"{wanted}:{channel.address.rpartition(':')[2]}"
        done = run_process("dsc_channel", "serve", "--listen", listen, "--insecure")
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == f"error: cannot listen on {listen}: address already in use"
