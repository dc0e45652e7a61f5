"""Who may do what: real clients against real services, with certificates, tokens, and neither."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

import deep_semantic_coding as dsc
from dsc.v1 import codebook_pb2, codebook_pb2_grpc, retrieval_pb2, retrieval_pb2_grpc
from dsc_common.errors import PermissionDeniedError, UnauthenticatedError, UnreachableError
from dsc_common.serving.address import Peer
from dsc_common.serving.cause import NEEDS_CERTIFICATE
from dsc_common.serving.client import connect
from dsc_common.serving.roles import Role
from dsc_common.serving.status import call_error
from dsc_demo.processes import ServiceProcess
from dsc_device.client import open_server
from dsc_server.certificates import authority as authority_module
from dsc_server.certificates.authority import Authority
from helpers.credentials import (
    add_token,
    certificates,
    file_of,
    local,
    mutual,
    peer,
    revoke_token,
    serving,
    showing,
    transmit_to,
    trusting,
)
from helpers.in_process import run
from helpers.real_processes import (
    System,
    json_lines,
    start_channel,
    start_server,
    wait_for_line,
)
from helpers.real_processes import run as run_process

NONE_SENT = "expected a token (authorization: Bearer …), got none"
NOT_KNOWN = "the token is unknown to this server, or was revoked"
SHORT_S = 0.5


@dataclass(frozen=True)
class Mutual:
    """A server and a channel with mutual TLS, and the folder of their certificates."""

    server: ServiceProcess
    channel: ServiceProcess
    folder: Path


@dataclass(frozen=True)
class Tokened:
    """A server with tokens, a channel that passes them on, the file of tokens, and one token of each role."""

    server: ServiceProcess
    channel: ServiceProcess
    folder: Path
    book: Path
    tokens: dict[Role, str]


@pytest.fixture(scope="module")
def mutual_tls(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mutual]:
    folder = certificates(tmp_path_factory.mktemp("certificates"))
    with (
        start_server(system.index, *mutual(folder / "server")) as server,
        start_channel(
            server.address, *mutual(folder / "channel"), "--server-tls-ca", folder / "channel/ca.pem"
        ) as channel,
    ):
        yield Mutual(server, channel, folder)


@pytest.fixture(scope="module")
def tokened(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tokened]:
    root = tmp_path_factory.mktemp("tokens")
    folder, book = certificates(root / "certificates"), root / "tokens.json"
    tokens = {role: add_token(book, f"a-{role}", role) for role in Role}
    everywhere = ("--listen", "0.0.0.0:0")  # nothing here is insecure
    with (
        start_server(system.index, *serving(folder / "server"), "--tokens", book, *everywhere) as server,
        start_channel(
            local(server),
            *(*serving(folder / "channel"), "--server-tls-ca", folder / "channel/ca.pem", *everywhere),
        ) as channel,
    ):
        yield Tokened(server, channel, folder, book, tokens)


# Mutual TLS.


def test_a_device_with_a_certificate_is_answered_on_every_link(
    mutual_tls: Mutual, system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = mutual_tls.folder / "device"
    places = ("--server", mutual_tls.server.address, "--channel", mutual_tls.channel.address)
    done = run_process(
        *("dsc_device", "query", system.queries[0], *places, "--cache", tmp_path, "--json"),
        *(*trusting(device), *showing(device)),
    )
    assert done.returncode == 0, done.stderr
    assert len(json_lines(done.stdout)) == 1
    # As in a container: the channel checks itself and its server with the settings that it serves with.
    for name, value in {
        "LISTEN": mutual_tls.channel.address,
        "SERVER": mutual_tls.server.address,
        "SERVER_TLS_CA": mutual_tls.folder / "channel/ca.pem",
        "TLS_CERTIFICATE": mutual_tls.folder / "channel/certificate.pem",
        "TLS_KEY": mutual_tls.folder / "channel/key.pem",
    }.items():
        monkeypatch.setenv(f"DSC_CHANNEL_{name}", str(value))
    addresses = (mutual_tls.server.address, mutual_tls.channel.address)
    checked = run_process("dsc_common.healthcheck", *addresses, "--wait-s", "30")
    assert checked.returncode == 0, checked.stderr


@pytest.fixture(scope="module")
def expired(mutual_tls: Mutual, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A device's certificate of the right authority, whose time is over."""
    folder, issuer = tmp_path_factory.mktemp("expired"), mutual_tls.folder / "authority"
    authority = Authority.of((issuer / "ca.pem").read_bytes(), (issuer / "ca-key.pem").read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(authority_module, "BACKDATED", timedelta(days=2))
        issued = authority.issue("device", [], days=-1)
    (folder / "certificate.pem").write_bytes(issued.certificate)
    (folder / "key.pem").write_bytes(issued.key)
    return folder


@pytest.mark.parametrize("kind", ["none", "other authority", "expired"])
@pytest.mark.parametrize("role", ["server", "channel"])
def test_without_a_valid_certificate_nothing_is_had(
    kind: str, role: str, mutual_tls: Mutual, expired: Path, tmp_path: Path
) -> None:
    shown = {"none": None, "other authority": certificates(tmp_path) / "device", "expired": expired}[kind]
    service = mutual_tls.server if role == "server" else mutual_tls.channel
    caller = peer(service, role, mutual_tls.folder, shown)
    cause = NEEDS_CERTIFICATE
    if shown is not None:
        cause = (
            f"it refuses the certificate {shown}/certificate.pem: expired, or not from a CA that it trusts"
        )
    with pytest.raises(UnreachableError) as caught:  # not even its health
        connect(caller, SHORT_S)
    assert str(caught.value) == f"{caller} did not answer within {SHORT_S} s: {cause}"


def test_a_certificate_has_the_rights_of_a_device_and_a_token_is_refused_where_there_are_none(
    mutual_tls: Mutual, tmp_path: Path
) -> None:
    device = mutual_tls.folder / "device"
    with open_server(peer(mutual_tls.server, "server", mutual_tls.folder, device), 30) as client:
        assert client.manifest().codebook_version
    token = file_of("dsc_anything", tmp_path)
    with (
        open_server(peer(mutual_tls.server, "server", mutual_tls.folder, device, token), 30) as client,
        pytest.raises(UnauthenticatedError, match=r"^this server has no tokens to check a token with"),
    ):
        client.manifest()


def test_a_channel_that_asks_for_no_certificate_lends_its_rights_to_nobody(
    mutual_tls: Mutual, system: System, tmp_path: Path
) -> None:
    folder = mutual_tls.folder
    options = (*serving(folder / "channel"), "--server-tls-ca", folder / "channel/ca.pem")
    with start_channel(mutual_tls.server.address, *options, "--listen", "0.0.0.0:0") as channel:
        with pytest.raises(UnauthenticatedError, match=rf"^{re.escape(NONE_SENT)}$"):
            transmit_to(peer(channel, "channel", folder), system)
        token = file_of("dsc_anything", tmp_path)
        with pytest.raises(UnauthenticatedError, match=r"^this server has no tokens to check a token with"):
            transmit_to(peer(channel, "channel", folder, token=token), system)


# Tokens.


def codebooks(tokened: Tokened, token: Path | None) -> str:
    with open_server(peer(tokened.server, "server", tokened.folder, token=token), 30) as client:
        return client.manifest().codebook_version


def retrieve(tokened: Tokened, token: Path | None) -> grpc.RpcError | None:
    """An empty query to the server: the error of its call."""
    caller = peer(tokened.server, "server", tokened.folder, token=token)
    with connect(caller, 30) as connection:
        try:
            retrieval_pb2_grpc.RetrievalServiceStub(connection).Retrieve(retrieval_pb2.RetrieveRequest())
        except grpc.RpcError as error:
            return error
    return None


@pytest.mark.parametrize("role", [Role.DEVICE, Role.ADMIN])
def test_a_query_passes_through_the_channel_by_the_token_of_the_device(
    role: Role, tokened: Tokened, system: System, tmp_path: Path
) -> None:
    options = (
        *("--server", local(tokened.server), "--channel", local(tokened.channel), "--cache", tmp_path),
        *trusting(tokened.folder / "device"),
    )
    token = file_of(tokened.tokens[role], tmp_path)
    done = run_process("dsc_device", "query", system.queries[0], *options, "--token-file", token, "--json")
    assert done.returncode == 0, done.stderr
    assert len(json_lines(done.stdout)) == 1


@pytest.mark.parametrize("token", [None, "dsc_unknown"])
def test_a_missing_or_unknown_token_gets_no_codebook_and_no_answer(
    token: str | None, tokened: Tokened, system: System, tmp_path: Path
) -> None:
    line = NONE_SENT if token is None else NOT_KNOWN
    file = None if token is None else file_of(token, tmp_path)
    with pytest.raises(UnauthenticatedError, match=f"^{re.escape(line)}$"):
        codebooks(tokened, file)
    error = retrieve(tokened, file)
    assert error is not None
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAUTHENTICATED, line)
    assert isinstance(call_error(error, Peer("server", "h:1")), UnauthenticatedError)
    with pytest.raises(UnauthenticatedError, match=f"^{re.escape(line)}$"):
        transmit_to(peer(tokened.channel, "channel", tokened.folder, token=file), system)


def test_a_token_that_only_reads_gets_answers_and_no_codebook(
    tokened: Tokened, system: System, tmp_path: Path
) -> None:
    reading = file_of(tokened.tokens[Role.READ], tmp_path)
    line = "GetManifest needs the role device, and token:a-read has the role read"
    with pytest.raises(PermissionDeniedError, match=f"^{line}$"):
        codebooks(tokened, reading)
    transmit_to(peer(tokened.channel, "channel", tokened.folder, token=reading), system)
    with connect(peer(tokened.server, "server", tokened.folder, token=reading), 30) as connection:
        download = codebook_pb2_grpc.CodebookServiceStub(connection).Download(codebook_pb2.DownloadRequest())
        with pytest.raises(grpc.RpcError) as caught:
            next(download)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_a_token_that_is_revoked_while_serving_is_refused_from_the_next_request_on(
    tokened: Tokened, tmp_path: Path
) -> None:
    token = file_of(add_token(tokened.book, "short", Role.DEVICE), tmp_path)
    with open_server(peer(tokened.server, "server", tokened.folder, token=token), 30) as client:
        assert client.manifest()  # a token that was added while serving
        revoke_token(tokened.book, "short")
        with pytest.raises(UnauthenticatedError, match=f"^{NOT_KNOWN}$"):  # on the same connection
            client.manifest()


def test_while_the_file_of_tokens_is_damaged_nobody_is_let_in(tokened: Tokened, tmp_path: Path) -> None:
    token, good = file_of(tokened.tokens[Role.DEVICE], tmp_path), tokened.book.read_bytes()
    for damage in (lambda: tokened.book.write_text("{}"), tokened.book.unlink):
        damage()
        error = retrieve(tokened, token)
        assert error is not None
        assert (error.code().name, error.details()) == (
            "UNAVAILABLE",
            "this server cannot read its tokens now",
        )
        tokened.book.write_bytes(good)
        assert codebooks(tokened, token)
    wait_for_line(
        tokened.server, f"error: calls are refused: cannot read the tokens in {tokened.book}: No such file"
    )


def test_bytes_that_are_no_message_are_not_decoded_for_a_stranger(tokened: Tokened) -> None:
    with connect(peer(tokened.server, "server", tokened.folder), 30) as connection:
        for method in ("RetrievalService/Retrieve", "CodebookService/GetManifest"):
            with pytest.raises(grpc.RpcError) as caught:
                connection.unary_unary(f"/dsc.v1.{method}")(b"\xff")
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("service", ["server", "channel"])
def test_health_is_open_and_reflection_is_not(service: str, tokened: Tokened) -> None:
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    process = tokened.server if service == "server" else tokened.channel
    with connect(peer(process, service, tokened.folder), 30) as connection:  # asks for its health
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        stub = reflection_pb2_grpc.ServerReflectionStub(connection)
        with pytest.raises(grpc.RpcError) as caught:
            next(stub.ServerReflectionInfo(iter([request])))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_refusals_are_in_the_audit_log_and_no_token_is_anywhere(tokened: Tokened, tmp_path: Path) -> None:
    unknown = "dsc_this-is-no-token"
    with pytest.raises(UnauthenticatedError):
        codebooks(tokened, file_of(unknown, tmp_path))
    with pytest.raises(PermissionDeniedError):
        codebooks(tokened, file_of(tokened.tokens[Role.READ], tmp_path))
    wait_for_line(
        tokened.server, 'caller="token:a-read" role=read method="dsc.v1.CodebookService/GetManifest"'
    )
    lines = "\n".join((*tokened.server.stderr_lines, *tokened.channel.stderr_lines))
    assert 'caller="address:127.0.0.1" role=None method="dsc.v1.CodebookService/GetManifest"' in lines
    for token in (unknown, *tokened.tokens.values()):
        assert token not in lines
        assert token not in tokened.book.read_text()


# The other clients.


def test_the_python_client_and_the_load_generator_have_the_same_credentials(
    mutual_tls: Mutual, tokened: Tokened, system: System, tmp_path: Path
) -> None:
    device = mutual_tls.folder / "device"
    shown = {"tls_certificate": device / "certificate.pem", "tls_key": device / "key.pem"}
    trusted = {"server_tls_ca": device / "ca.pem", "channel_tls_ca": device / "ca.pem"}
    places = {"server": mutual_tls.server.address, "channel": mutual_tls.channel.address}
    with dsc.Client(**places, **trusted, **shown, cache=tmp_path / "cache") as client:
        assert client.query(system.queries[0], top=3).results.images
    token = file_of(tokened.tokens[Role.DEVICE], tmp_path)
    trusted = {
        "server_tls_ca": tokened.folder / "device/ca.pem",
        "channel_tls_ca": tokened.folder / "device/ca.pem",
    }
    places = {"server": local(tokened.server), "channel": local(tokened.channel)}
    with pytest.raises(dsc.UnauthenticatedError, match=rf"^{re.escape(NONE_SENT)}$"):
        dsc.Client(**places, **trusted, cache=tmp_path / "cache")
    with dsc.Client(**places, **trusted, token_file=token, cache=tmp_path / "cache") as client:
        assert client.query(system.queries[0], top=3).results.images
    options = [f"--{name.replace('_', '-')}={value}" for name, value in (places | trusted).items()]
    load = ("load", "transmit", system.queries[0], "--requests", "4", "--clients", "2", "--json", *options)
    done = run("dsc_eval", *load, "--token-file", token, "--cache", tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reports"][0]["statuses"] == {"OK": 4}
