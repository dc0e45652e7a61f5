"""Lines of gRPC's library that are no lines of the log: any client can cause them, as often as it likes."""

import logging

import grpc

_LOGGER = "grpc._cython.cygrpc"
_OF_METADATA = "Invalid encoding"  # of a header, which may be a token; gRPC takes it as Latin-1


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """False for what gRPC says of an answer that a client no longer takes, or of bytes in a header."""
    if record.name != _LOGGER:
        return True
    gone = record.exc_info is not None and isinstance(record.exc_info[1], grpc.aio.BaseError)
    return not gone and not str(record.msg).startswith(_OF_METADATA)
