"""What gRPC's library logs because of a client is no line of the log; its other lines are."""

import logging

from grpc._cython import cygrpc

from dsc_common.observing.grpc_lines import is_worth_a_line


def record(name: str, text: str, error: Exception | None = None) -> logging.LogRecord:
    exc_info = None if error is None else (type(error), error, None)
    return logging.LogRecord(name, logging.ERROR, "", 0, text, (), exc_info)


def test_clients_that_are_gone_and_bytes_in_headers_are_worth_no_line() -> None:
    library = cygrpc.__name__
    assert not is_worth_a_line(record(library, "it failed", cygrpc.ExecuteBatchError("x")))
    assert not is_worth_a_line(
        record(library, "Invalid encoding on b'Bearer abc\\xa0'", UnicodeDecodeError("utf8", b"", 0, 1, ""))
    )
    assert is_worth_a_line(record(library, "it failed", ValueError("y")))
    assert is_worth_a_line(record(library, "a line"))
    assert is_worth_a_line(record("dsc_server", "Invalid encoding"))
