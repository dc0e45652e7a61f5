"""Connect to a service, waiting with backoff up to a limit; the error names the address."""

from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dsc_common.errors import DscError, UnreachableError
from dsc_common.serving.address import Peer, parse_address
from dsc_common.serving.bearer import bearer
from dsc_common.serving.bearing import bearing
from dsc_common.serving.cause import SLOW, cause_of
from dsc_common.serving.tls import client_credentials, tls_files

OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 3000),
    ("grpc.max_reconnect_backoff_ms", 3000),
    ("grpc.dns_min_time_between_resolutions_ms", 1000),  # a restarted container may have a new address
    ("grpc.max_receive_message_length", 16 << 20),
    # Unanswered pings reveal a peer that vanished, also during a long download.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),  # without it, a minute, whatever the line above says
]


def connect(peer: Peer, wait_s: float) -> grpc.Channel:
    """An established connection.

    Raises:
        UnreachableError: that takes more than `wait_s` seconds; the line names the cause.
        SettingError: its token would be sent in the clear.
        DscError: a file of certificates or the token cannot be read, or holds something else.
    """
    channel = open_blocking(peer)
    try:
        # Any answer proves the connection, even an error of the health service; gRPC retries with backoff.
        check = health_pb2_grpc.HealthStub(channel).Check
        check(health_pb2.HealthCheckRequest(), timeout=max(wait_s, 0.0), wait_for_ready=True)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            channel.close()
            raise UnreachableError(f"{peer} did not answer within {wait_s:g} s: {cause_of(peer)}") from error
    except BaseException:
        channel.close()
        raise
    return channel


def open_blocking(peer: Peer) -> grpc.Channel:
    """A connection, maybe not established; `wait_for_ready` calls wait for it. Calls send the peer's token.

    Raises:
        SettingError: the token would be sent in the clear.
        DscError: a file of certificates or the token cannot be read, or holds something else.
    """
    bearer(peer)  # before anything is waited for
    parse_address(peer.address)
    trusted = peer_credentials(peer)
    if trusted is None:
        channel = grpc.insecure_channel(peer.address, options=options_of(peer))
    else:
        channel = grpc.secure_channel(peer.address, trusted, options=options_of(peer))
    return bearing(channel, peer)


def with_cause(error: DscError, peer: Peer, waited_s: float) -> DscError:
    """The error of a call; if its peer cannot be reached, an UnreachableError that names the cause.

    Args:
        error: the error of a call that the peer gave no answer to.
        peer: the service that was called.
        waited_s: seconds that it was waited for.
    """
    if not isinstance(error, UnreachableError) or (cause := cause_of(peer)) == SLOW:
        return error
    return UnreachableError(f"{peer} did not answer within {waited_s:.3g} s: {cause}")


def peer_credentials(peer: Peer) -> grpc.ChannelCredentials | None:
    """Credentials of connections to a peer, None without TLS; DscError if a file is unusable."""
    if peer.tls_ca is None:
        return None
    return client_credentials(peer.tls_ca, tls_files(peer.tls_certificate, peer.tls_key))


def open_async(
    peer: Peer, trusted: grpc.ChannelCredentials | None, more_options: Sequence[tuple[str, int]] = ()
) -> grpc.aio.Channel:
    """A connection in the running event loop, maybe not established; `wait_for_ready` calls wait for it.

    It sends no token: each call needs the metadata of `bearer`.

    Args:
        peer: the service.
        trusted: `peer_credentials` of the peer.
        more_options: options of gRPC besides those of every connection.
    """
    options = [*options_of(peer), *more_options]
    if trusted is None:
        return grpc.aio.insecure_channel(peer.address, options=options)
    return grpc.aio.secure_channel(peer.address, trusted, options=options)


def options_of(peer: Peer) -> list[tuple[str, int]]:
    """Options of a connection to a peer: gRPC ignores names that it does not have."""
    return [*OPTIONS, ("grpc.enable_http_proxy", int(peer.use_proxy))]
