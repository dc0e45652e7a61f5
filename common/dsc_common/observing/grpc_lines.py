"""Keep tracebacks about clients that are gone out of the log: gRPC writes one for each lost answer."""

import logging

import grpc

_LOGGER = "grpc._cython.cygrpc"


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """False for a traceback of gRPC about a message that could not be sent."""
    return not (record.exc_info and isinstance(record.exc_info[1], grpc.aio.BaseError))


def pass_over_gone_clients() -> None:
    """Drop these lines from now on; no effect from the second time on."""
    logging.getLogger(_LOGGER).addFilter(is_worth_a_line)
