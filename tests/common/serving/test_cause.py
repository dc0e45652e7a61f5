"""One line per cause: peers that cannot be reached, each for a reason of its kind."""

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import trustme

from dsc_common.errors import DscError, UnreachableError
from dsc_common.serving import cause
from dsc_common.serving.address import Peer
from dsc_common.serving.cause import NEEDS_TLS, NO_TLS, SILENT, SLOW, cause_of
from dsc_common.serving.client import connect
from dsc_common.serving.tls import TlsFiles, client_credentials

LIMIT_S = 0.4
AUTHORITY = trustme.CA()
HTTP_1 = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"


@contextlib.contextmanager
def listening(sends: bytes | None) -> Iterator[str]:
    """A peer that sends these bytes on each connection, and closes it; None: sends nothing, stays open."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        opened: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    opened.append(connection)
                    if sends is not None:
                        connection.recv(1024)
                        connection.sendall(sends)
                        connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in opened:
            connection.close()


@contextlib.contextmanager
def grpc_server(certificate: trustme.LeafCert | None = None) -> Iterator[str]:
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        if certificate is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
            pair = (certificate.private_key_pem.bytes(), chain)
            port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(None).wait()


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return path


def why(address: str, ca: Path | None = None) -> str:
    return cause_of(Peer("server", address, ca), LIMIT_S)


def test_a_name_that_is_not_resolved() -> None:
    assert why("no-such-host.invalid:50051").startswith("the name no-such-host.invalid is not resolved: ")


def test_a_name_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()
    monkeypatch.setattr(cause.socket, "getaddrinfo", lambda *_, **__: asked.wait(60))
    assert why("example:50051") == "the name example is not resolved: no answer within 0.4 s"
    asked.set()


def test_a_port_that_nobody_listens_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    assert why(address) == "connection refused"
    assert why(address.replace("127.0.0.1", "localhost")) == "connection refused"


@pytest.mark.parametrize(
    ("sends", "expected"),
    [
        (None, SILENT),
        (HTTP_1, "it speaks HTTP/1.1, not gRPC"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "it does not speak gRPC: it sends b'SSH-2.0-OpenSSH_'"),
        (b"", "it closes connections: no gRPC service, or a relay to one that is down"),
    ],
)
def test_a_peer_that_is_no_grpc_service(sends: bytes | None, expected: str) -> None:
    with listening(sends) as address:
        assert why(address) == expected


class Dripping:
    """A connection on which each byte takes most of the time limit."""

    now = 0.0

    def sendall(self, _data: bytes) -> None:
        pass

    def gettimeout(self) -> float:
        return 2.0

    def recv(self, _size: int) -> bytes:
        self.now += 1.5
        return b"H"


def test_a_peer_that_sends_a_byte_now_and_then_is_given_one_time_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection = Dripping()
    monkeypatch.setattr(cause.time, "monotonic", lambda: connection.now)
    assert cause._first_bytes(connection) == b"HH"  # type: ignore[arg-type]


def test_a_service_that_is_only_slow(ca: Path) -> None:
    with grpc_server() as address:
        assert why(address) == SLOW
    with grpc_server(AUTHORITY.issue_cert("127.0.0.1")) as address:
        assert why(address, ca) == SLOW


def test_tls_on_one_side_only(ca: Path) -> None:
    with grpc_server(AUTHORITY.issue_cert("127.0.0.1")) as address:
        assert why(address) == NEEDS_TLS
    with grpc_server() as address:
        assert why(address, ca) == NO_TLS
    with listening(HTTP_1) as address:
        assert why(address, ca) == NO_TLS
    with listening(None) as address:
        assert why(address, ca) == SILENT


PAST = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
FUTURE = datetime.datetime(2901, 1, 1, tzinfo=datetime.UTC)
CERTIFICATES = {
    "unknown CA": (trustme.CA().issue_cert("127.0.0.1"), "its certificate is not from a CA in "),
    "wrong name": (
        AUTHORITY.issue_cert("server.example"),
        "its certificate is not for the name 127.0.0.1, but for server.example",
    ),
    "common name only": (
        AUTHORITY.issue_cert(common_name="127.0.0.1"),
        "its certificate is not for the name 127.0.0.1: it has no subject alternative name",
    ),
    "expired": (AUTHORITY.issue_cert("127.0.0.1", not_after=PAST), "its certificate has expired"),
    "early": (
        AUTHORITY.issue_cert("127.0.0.1", not_before=FUTURE, not_after=FUTURE.replace(year=2902)),
        "its certificate is not valid yet",
    ),
}


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_a_certificate_that_is_refused(kind: str, ca: Path) -> None:
    certificate, line = CERTIFICATES[kind]
    with grpc_server(certificate) as address:
        assert why(address, ca).startswith(line)


def test_tls_without_http_2(ca: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def shake_hands() -> None:
            with contextlib.suppress(OSError), context.wrap_socket(server.accept()[0], server_side=True):
                pass

        thread = threading.Thread(target=shake_hands)
        thread.start()
        assert why(f"127.0.0.1:{server.getsockname()[1]}", ca) == "it speaks TLS, but not gRPC (no HTTP/2)"
        thread.join()


def test_the_error_of_connecting_names_peer_time_and_cause() -> None:
    with (
        listening(HTTP_1) as address,
        pytest.raises(UnreachableError) as caught,
    ):
        connect(Peer("server", address), 0.2)
    said = f"server at {address} did not answer within 0.2 s: it speaks HTTP/1.1, not gRPC"
    assert str(caught.value) == said


VARIABLES = ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY")


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_proxy_of_the_environment_is_passed_by(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with grpc_server() as address, connect(Peer("server", address), 30.0):
        pass


def test_a_proxy_is_used_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        place = f"127.0.0.1:{proxy.getsockname()[1]}"
        monkeypatch.setenv("http_proxy", f"http://user:secret@{place}")
        monkeypatch.setenv("no_proxy", "other.example")
        with pytest.raises(UnreachableError) as caught:
            connect(Peer("server", "server.example:50051", use_proxy=True), 0.2)
        assert f"through the proxy of the environment, {place}," in str(caught.value)
        connection, _ = proxy.accept()
        with connection:
            assert connection.recv(1024).startswith(b"CONNECT server.example:50051 HTTP/1")


KEY_ONLY = AUTHORITY.issue_cert("localhost").private_key_pem.bytes()


@pytest.mark.parametrize(
    "data", [b"", KEY_ONLY, b"garbage", b"-----BEGIN CERTIFICATE-----\ngarbage\n", b"\xff\xfe"]
)
def test_a_ca_file_without_certificates_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(data)
    with pytest.raises(DscError, match=r"^expected CA certificates \(PEM\) in .*ca\.pem, got none"):
        client_credentials(path)


def test_a_ca_file_with_words_around_its_certificates_is_read(tmp_path: Path, ca: Path) -> None:
    path = tmp_path / "bundle.pem"
    path.write_bytes("# Főtanúsítvány\n".encode() + ca.read_bytes() + b"# end\n")
    client_credentials(path)


def pair(tmp_path: Path, certificate: bytes, key: bytes) -> TlsFiles:
    files = TlsFiles(tmp_path / "chain.pem", tmp_path / "key.pem")
    files.certificate.write_bytes(certificate)
    files.key.write_bytes(key)
    return files


LEAF, OTHER = AUTHORITY.issue_cert("localhost"), AUTHORITY.issue_cert("localhost")
CHAIN, KEY, OTHER_KEY = LEAF.cert_chain_pems[0].bytes(), LEAF.private_key_pem.bytes(), OTHER.private_key_pem


def encrypted(key: bytes) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    return form.load_pem_private_key(key, None).private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"secret")
    )


PAIRS = {
    "swapped": (KEY, CHAIN, "chain.pem holds no certificate"),
    "garbage certificate": (b"garbage", KEY, "chain.pem holds no certificate"),
    "garbage key": (CHAIN, b"garbage", "key.pem holds no private key"),
    "mismatch": (CHAIN, OTHER_KEY.bytes(), "the key is not the key of this certificate"),
    "encrypted": (CHAIN, encrypted(KEY), "the key is encrypted"),
    "cut": (CHAIN[: len(CHAIN) // 2], KEY, "a file is damaged"),
    "empty": (b"", b"", "chain.pem holds no certificate"),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_a_bad_pair_is_refused_with_its_fault(kind: str, tmp_path: Path) -> None:
    certificate, key, fault = PAIRS[kind]
    with pytest.raises(DscError) as caught:
        pair(tmp_path, certificate, key).pair()
    assert str(caught.value).startswith(f"cannot use the TLS certificate {tmp_path}/chain.pem with the key ")
    assert fault in str(caught.value)


def test_a_good_pair_is_taken(tmp_path: Path) -> None:
    pair(tmp_path, CHAIN, KEY).pair()
