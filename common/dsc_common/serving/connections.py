"""How many connections a service takes, and when it ends those that do nothing, as options of gRPC."""

import resource

from dsc_common.serving.limits import ServingLimits

HANDSHAKE_S = 20.0  # most for TLS and the first frames of HTTP/2
SILENCE_S = 30.0  # after which a client is pinged
ANSWER_S = 20.0  # most for the answer to a ping
IDLE_S = 900.0  # without a call: the client connects again when it has one
AGE_S = 3600.0  # after which new calls come over a new connection
AGE_GRACE_S = 600.0  # for the calls under way then; what a client does not read is dropped with them
KEPT_DESCRIPTORS = 256  # for files, and for what connects from here
MOST_DESCRIPTORS = 65_536
EXTRA_STREAMS = 200  # of a connection: health checks, watchers, and requests to be refused with a reason


def raise_descriptor_limit() -> None:
    """Take as many file descriptors as the system gives, up to a limit: each connection has one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def most_connections(limits: ServingLimits) -> int:
    """As the limits have it, but never so many that no file descriptor is left for files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return limits.max_connections
    return min(limits.max_connections, max(1, soft - min(KEPT_DESCRIPTORS, soft // 2)))


def connection_options(limits: ServingLimits) -> list[tuple[str, int]]:
    """Options of a server."""
    streams = limits.max_requests_at_once + limits.max_downloads_at_once + EXTRA_STREAMS
    return [
        ("grpc.max_allowed_incoming_connections", most_connections(limits)),
        ("grpc.max_concurrent_streams", streams),
        ("grpc.server_handshake_timeout_ms", _ms(min(HANDSHAKE_S, limits.stall_s))),
        ("grpc.max_connection_idle_ms", _ms(IDLE_S)),
        ("grpc.max_connection_age_ms", _ms(AGE_S)),
        ("grpc.max_connection_age_grace_ms", _ms(AGE_GRACE_S)),
        ("grpc.keepalive_time_ms", _ms(SILENCE_S)),
        ("grpc.keepalive_timeout_ms", _ms(ANSWER_S)),
        ("grpc.http2.ping_timeout_ms", _ms(ANSWER_S)),  # without it, a minute, whatever the line above says
    ]


def _ms(seconds: float) -> int:
    return max(1, round(1e3 * seconds))
