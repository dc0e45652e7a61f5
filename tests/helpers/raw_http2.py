"""HTTP/2 by hand, for clients that no library plays: frames, and the headers of a gRPC call."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
ACK = END_STREAM = 1
END_HEADERS = 4


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    """An HTTP/2 frame."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def call_headers(method: str, stream: int, *more: tuple[str, str]) -> bytes:
    """The HEADERS frame of a gRPC call; the message is still to come."""
    fields = [
        *((":method", "POST"), (":scheme", "http"), (":path", method), (":authority", "a")),
        *(("te", "trailers"), ("content-type", "application/grpc"), *more),
    ]
    block = b"".join(b"\0" + _text(name) + _text(value) for name, value in fields)
    return frame(HEADERS, block, END_HEADERS, stream)


def call_message(data: bytes, stream: int) -> bytes:
    """The DATA frame of a call with a single message."""
    return frame(DATA, b"\0" + struct.pack(">I", len(data)) + data, END_STREAM, stream)


def _text(text: str) -> bytes:
    """A string literal of HPACK, without Huffman coding."""
    data = text.encode()
    length = bytearray()
    if len(data) < 0x7F:
        length.append(len(data))
    else:
        rest = len(data) - 0x7F
        length.append(0x7F)
        while rest >= 0x80:
            length.append(rest & 0x7F | 0x80)
            rest >>= 7
        length.append(rest)
    return bytes(length) + data


def connect(address: str, first: bytes = b"", limit_s: float = 60.0) -> socket.socket:
    """A TCP connection that has sent some bytes."""
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=limit_s)
    connection.sendall(first)
    return connection


def next_frame(connection: socket.socket) -> tuple[int, int, int, bytes] | None:
    """Type, flags, stream and payload of the next frame; None at the end of the connection."""
    try:
        head = _exactly(connection, 9)
        payload = _exactly(connection, int.from_bytes(head[:3], "big"))
    except (EOFError, ConnectionError):
        return None
    return head[3], head[4], int.from_bytes(head[5:], "big"), payload


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def next_end(connection: socket.socket) -> int:
    """The next stream that ends, with a reset or a status, or first with a status; pings are answered.

    Raises:
        EOFError: the connection ends.
    """
    while (received := next_frame(connection)) is not None:
        kind, flags, stream, payload = received
        if kind == PING and not flags & ACK:
            connection.sendall(frame(PING, payload, ACK))
        elif kind == RST_STREAM or (kind == HEADERS and flags & END_STREAM):
            return stream
    raise EOFError


def is_closed(connection: socket.socket) -> bool:
    """Wait until the other side closes the connection: TimeoutError if it does not within its limit."""
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionError:
        pass
    return True
