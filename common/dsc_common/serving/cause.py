"""Why a peer cannot be reached: its name, its port, TLS, or a protocol that is not gRPC.

gRPC has one status for all of these and retries until its time limit, so the steps of a connection are made
here once more, each with a time limit, with plain sockets.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from dsc_common.serving.address import Peer, parse_address

LIMIT_S = 2.0
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # and empty SETTINGS
_SETTINGS = 4  # the first frame of an HTTP/2 peer
_UNKNOWN_CA = {2, 18, 19, 20, 21}  # X509_V_ERR_…
_EXPIRED, _NOT_YET_VALID, _WRONG_NAME, _WRONG_IP = 10, 9, 62, 64
SILENT = "it accepts connections, but does not answer: it hangs, or is no gRPC service"
SLOW = "it is connected, but did not answer a health check in this time"
NO_TLS = "it does not speak TLS, but CA certificates are set for it"
NEEDS_TLS = "it expects TLS: set its CA certificates"
NEEDS_CERTIFICATE = "it needs a client certificate: set --tls-certificate and --tls-key"
_Value = TypeVar("_Value")


class _CauseError(Exception):
    """The cause, as text."""


def cause_of(peer: Peer, limit_s: float = LIMIT_S) -> str:
    """Why requests to a peer are not answered, in words that follow a colon.

    Args:
        peer: the service that did not answer.
        limit_s: time limit of each step of the connection, in seconds.
    """
    if peer.use_proxy and (proxy := _proxy_of(peer)):
        return f"it is called through the proxy of the environment, {proxy}, which gives no connection"
    try:
        if peer.tls_ca is None:
            _try_plain(peer, limit_s)
        else:
            _try_tls(peer, limit_s)
    except _CauseError as cause:
        return str(cause)
    except TimeoutError:
        return SILENT
    except (OSError, ValueError) as error:
        return _reason(error)
    return SLOW


def _proxy_of(peer: Peer) -> str:
    """HOST:PORT of the proxy that gRPC takes from the environment; empty if there is none."""
    proxies = getproxies()
    proxy = next((proxies[name] for name in ("grpc", "https", "http") if proxies.get(name)), "")
    if not proxy or proxy_bypass(parse_address(peer.address)[0].strip("[]")):
        return ""
    return urlsplit(proxy).netloc.rpartition("@")[2]  # without its password


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).partition("] ")[2].partition(" (_")[0].lower() or str(text).lower()


def _connect(peer: Peer, limit_s: float) -> socket.socket:
    host, port = parse_address(peer.address)
    name = host.strip("[]")
    try:
        found = _within(limit_s, lambda: socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
    except TimeoutError as error:
        raise _CauseError(f"the name {name} is not resolved: no answer within {limit_s:g} s") from error
    except (OSError, UnicodeError) as error:
        raise _CauseError(f"the name {name} is not resolved: {_reason(error)}") from error
    try:
        return _first_that_connects([str(address[0]) for *_, address in found], port, limit_s)
    except TimeoutError as error:
        raise _CauseError(f"nothing answers there: no TCP connection within {limit_s:g} s") from error
    except OSError as error:
        raise _CauseError(_reason(error)) from error


def _first_that_connects(hosts: list[str], port: int, limit_s: float) -> socket.socket:
    last: OSError = TimeoutError()
    for host in hosts:
        try:
            return socket.create_connection((host, port), timeout=limit_s)
        except OSError as error:
            last = error
    raise last


def _within(limit_s: float, call: Callable[[], _Value]) -> _Value:
    """The value of a call; TimeoutError if it takes longer, which then ends by itself."""
    done: list[_Value | Exception] = []

    def run() -> None:
        try:
            done.append(call())
        except Exception as error:  # raised by the caller
            done.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    if not done:
        raise TimeoutError
    if isinstance(done[0], Exception):
        raise done[0]
    return done[0]


def _try_plain(peer: Peer, limit_s: float) -> None:
    with _connect(peer, limit_s) as connection:
        try:
            first = _first_bytes(connection)
        except ConnectionError:
            first = b""
    if not first or first[:2] == b"\x15\x03":  # closed, or an alert of TLS
        if _accepts_tls(peer, limit_s):
            raise _CauseError(NEEDS_TLS)
        if not first:
            raise _CauseError("it closes connections: no gRPC service, or a relay to one that is down")
    _require_http2(first)


def _first_bytes(connection: socket.socket) -> bytes:
    """What a peer sends first; empty if it closes the connection."""
    connection.sendall(_PREFACE)
    first, deadline = b"", time.monotonic() + (connection.gettimeout() or 0.0)
    with contextlib.suppress(TimeoutError):
        while len(first) < 9 and (more := connection.recv(64)):
            first += more
            if time.monotonic() > deadline:  # it sends a byte now and then
                break
        return first
    if first:
        return first
    raise TimeoutError


def _first_after_handshake(connection: ssl.SSLSocket) -> bytes:
    """What a peer sends first with TLS; empty if it ends the connection: it has looked at the certificate."""
    try:
        return _first_bytes(connection)
    except (ssl.SSLError, ConnectionError):
        return b""


def _fault_of_client(peer: Peer) -> str:
    if peer.tls_certificate is None:
        return NEEDS_CERTIFICATE
    return f"it refuses the certificate {peer.tls_certificate}: expired, or not from a CA that it trusts"


def _require_http2(first: bytes) -> None:
    if first.startswith(b"HTTP/"):
        version = first.split(b" ")[0].decode("ascii", "replace")
        raise _CauseError(f"it speaks {version}, not gRPC")
    if len(first) < 4 or first[3] != _SETTINGS:
        raise _CauseError(f"it does not speak gRPC: it sends {first[:16]!r}")


def _accepts_tls(peer: Peer, limit_s: float) -> bool:
    with contextlib.suppress(OSError), _handshake(peer, _any_certificate(), limit_s):
        return True
    return False


def _try_tls(peer: Peer, limit_s: float) -> None:
    try:
        context = _trusting(peer)
        with _handshake(peer, context, limit_s) as connection:
            if connection.selected_alpn_protocol() != "h2":
                raise _CauseError("it speaks TLS, but not gRPC (no HTTP/2)")
            first = _first_after_handshake(connection)
            if not first:
                raise _CauseError(_fault_of_client(peer))
            _require_http2(first)
    except ssl.SSLCertVerificationError as error:
        raise _CauseError(_fault_of_certificate(error, peer, limit_s)) from error
    except ssl.SSLError as error:
        wrong = error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_EOF_WHILE_READING"}
        raise _CauseError(NO_TLS if wrong else f"TLS fails: {_reason(error)}") from error
    except ConnectionError as error:
        raise _CauseError(NO_TLS) from error


def _handshake(peer: Peer, context: ssl.SSLContext, limit_s: float) -> ssl.SSLSocket:
    host, _ = parse_address(peer.address)
    connection = _connect(peer, limit_s)
    try:
        return context.wrap_socket(connection, server_hostname=host.strip("[]"))
    except BaseException:
        connection.close()
        raise


def _trusting(peer: Peer) -> ssl.SSLContext:
    """A context that trusts what gRPC trusts with the same file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=str(peer.tls_ca))
    context.verify_flags = ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_TRUSTED_FIRST
    context.set_alpn_protocols(["h2"])
    if peer.tls_certificate is not None:
        context.load_cert_chain(peer.tls_certificate, peer.tls_key)
    return context


def _any_certificate() -> ssl.SSLContext:
    """A context for looking at a peer: nothing is sent that needs its identity."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


def _fault_of_certificate(error: ssl.SSLCertVerificationError, peer: Peer, limit_s: float) -> str:
    if error.verify_code in _UNKNOWN_CA:
        return f"its certificate is not from a CA in {peer.tls_ca}"
    if error.verify_code == _EXPIRED:
        return "its certificate has expired"
    if error.verify_code == _NOT_YET_VALID:
        return "its certificate is not valid yet"
    if error.verify_code in (_WRONG_NAME, _WRONG_IP):
        host, _ = parse_address(peer.address)
        return f"its certificate is not for the name {host.strip('[]')}{_names(peer, limit_s)}"
    return f"its certificate is refused: {error.verify_message}"


def _names(peer: Peer, limit_s: float) -> str:
    """The names of a certificate that a trusted CA issued."""
    context = _trusting(peer)
    context.check_hostname = False
    try:
        with _handshake(peer, context, limit_s) as connection:
            entries: Any = (connection.getpeercert() or {}).get("subjectAltName", ())
            names = [str(entry[1]) for entry in entries]
    except (OSError, _CauseError):
        return ""
    return f", but for {', '.join(names)}" if names else ": it has no subject alternative name"
