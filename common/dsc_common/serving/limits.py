"""Bounds of a service."""

from dataclasses import dataclass

from dsc_common.serving.batches import MAX_QUEUE_S

# Of a server: 17 transmissions of a raw feature of 2048 dimensions over BPSK have 4.5 MB.
SERVER_MESSAGE_BYTES = 8 << 20

MAX_CONNECTIONS = 10_000


@dataclass(frozen=True)
class ServingLimits:
    """Bounds of a service.

    Attributes:
        max_message_bytes: largest request.
        max_requests_at_once: concurrent requests; more are refused.
        grace_s: seconds that running requests may take after SIGTERM.
        max_downloads_at_once: concurrent downloads; more are refused.
        stall_s: seconds that a client may take to send a request, or to receive one piece of a download.
        max_requests_per_s: requests and downloads of one client per second; 0: as many as come.
        max_connections: connections at once; more are closed.
        max_queue_s: seconds that a request may wait: before it is read, and again for a thread.
    """

    max_message_bytes: int = 1 << 20
    max_requests_at_once: int = 256
    grace_s: float = 10.0
    max_downloads_at_once: int = 64
    stall_s: float = 60.0
    max_requests_per_s: float = 1000.0
    max_connections: int = MAX_CONNECTIONS
    max_queue_s: float = MAX_QUEUE_S
