"""What is in the clear: tokens are not, and services that other machines reach are not served by default."""

from pathlib import Path

import pytest

from dsc_channel.settings import ChannelSettings
from dsc_common.errors import UnauthenticatedError
from dsc_common.serving.address import Peer
from dsc_common.serving.roles import Role
from helpers.credentials import add_token, certificates, file_of, local, serving, transmit_to
from helpers.in_process import run
from helpers.real_processes import System, only_line, start_channel, start_server, wait_for_line


def test_a_token_is_not_sent_in_the_clear_beyond_this_machine(system: System, tmp_path: Path) -> None:
    token = file_of("dsc_secret", tmp_path)
    for address in ("example.org:50051", "192.0.2.1:50051", "0.0.0.0:50051"):
        done = run("dsc_device", "query", system.queries[0], "--server", address, "--token-file", token)
        assert done.returncode == 2
        assert only_line(done.stderr) == (
            f"error: a token is not sent in the clear to the server at {address}: "
            "expected TLS, set its CA certificates"
        )


def test_a_channel_does_not_pass_a_token_on_in_the_clear(system: System, tmp_path: Path) -> None:
    token = file_of("dsc_secret", tmp_path)
    line = "^the channel does not pass a token on in the clear to the server at 192.0.2.1:50051: expected TLS"
    with start_channel("192.0.2.1:50051") as channel, pytest.raises(UnauthenticatedError, match=line):
        transmit_to(Peer("channel", channel.address, token_file=token), system)


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:50051", "some.name:50051"])
def test_what_other_machines_reach_is_refused_with_what_to_add(listen: str, system: System) -> None:
    reached = f"error: {listen} can be reached from other machines: add "
    server = run("dsc_server", "serve", "--index", system.index, "--listen", listen)
    assert server.returncode == 2
    needed = "--tls-certificate and --tls-key, with --tls-client-ca or --tokens"
    assert only_line(server.stderr).startswith(f"{reached}{needed} (`dsc-server cert`")
    channel = run("dsc_channel", "serve", "--listen", listen)
    assert channel.returncode == 2
    assert only_line(channel.stderr).startswith(f"{reached}--tls-certificate and --tls-key ")
    assert channel.stderr.endswith("or --insecure to serve whoever reaches it\n")


def test_a_certificate_alone_does_not_let_a_server_serve_other_machines(
    system: System, tmp_path: Path
) -> None:
    pair = serving(certificates(tmp_path) / "server")
    done = run("dsc_server", "serve", "--index", system.index, "--listen", "0.0.0.0:0", *pair)
    assert done.returncode == 2
    assert "add --tls-client-ca or --tokens (" in only_line(done.stderr)


def test_tokens_in_the_clear_are_not_served_even_if_insecure(system: System, tmp_path: Path) -> None:
    add_token(tmp_path / "tokens", "a", Role.READ)
    options = ("--listen", "0.0.0.0:0", "--tokens", tmp_path / "tokens", "--insecure")
    done = run("dsc_server", "serve", "--index", system.index, *options)
    assert done.returncode == 2
    assert only_line(done.stderr).startswith("error: --tokens: devices do not send a token in the clear to 0")


def test_insecure_serves_all_who_reach_it_and_the_log_has_a_line(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everywhere = ("--listen", "0.0.0.0:0")
    with start_server(system.index, *everywhere, "--insecure") as server:
        monkeypatch.setenv("DSC_CHANNEL_INSECURE", "true")
        with start_channel(local(server), *everywhere) as channel:
            places = ("--server", local(server), "--channel", local(channel), "--cache", tmp_path)
            done = run("dsc_device", "query", system.queries[0], *places)
            assert done.returncode == 0, done.stderr
            for process in (server, channel):
                warning = "warning: insecure: whoever reaches 0.0.0.0:0 may use this service"
                wait_for_line(process, f"{warning}, and nothing is encrypted")


def test_a_channel_that_lends_its_certificate_to_all_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"tls_certificate": "c.pem", "tls_key": "k.pem", "insecure": True}
    warning = "warning: insecure: whoever reaches 0.0.0.0:1 may use this service, with its certificate"
    assert ChannelSettings(listen="0.0.0.0:1", **files).exposure == warning
    assert ChannelSettings(listen="0.0.0.0:1", tls_client_ca="a.pem", **files).exposure == ""
    assert ChannelSettings(listen="127.0.0.1:1", **files).exposure == ""
