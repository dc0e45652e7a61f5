"""What is wrong with an answer: each must be OK or a documented status with one printable line."""

import math
from typing import Any

import grpc

from dsc.v1 import retrieval_pb2, transmission_pb2
from dsc_common.cli.printable import printable
from fuzz.edge import MAX_STATUS_BYTES, Answer
from fuzz.seeds import RETRIEVE, TRANSMIT

# docs/operating.md has each; UNIMPLEMENTED and NOT_FOUND are those of gRPC and of its health protocol.
PROPER = frozenset(
    {
        *(grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION),
        *(grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED),
        *(grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAUTHENTICATED),
        grpc.StatusCode.PERMISSION_DENIED,
    }
)
_RANKED: dict[str, Any] = {
    RETRIEVE: retrieval_pb2.RetrieveResponse,
    TRANSMIT: transmission_pb2.TransmitResponse,
}
# Words of Python, which a line for a person has none of.
_OF_PYTHON = ("Traceback", "Error(", "Exception", "<class ", " object at 0x", "NoneType", "array(", "dtype")


def fault(method: str, answer: Answer) -> str:
    """One line; empty if the answer is proper."""
    if answer.escaped is not None:
        return f"{type(answer.escaped).__name__} left the interceptors: {answer.escaped}"
    found = fault_of_status(answer.code, answer.details)
    if found or answer.code is not grpc.StatusCode.OK or method not in _RANKED:
        return found
    return fault_of_results(_RANKED[method].FromString(answer.messages[0]).results)


def fault_of_status(code: grpc.StatusCode, details: str) -> str:
    """The same, of a status alone."""
    if code not in PROPER:
        return f"status {code.name}: {details}"
    if code is grpc.StatusCode.OK:
        return f"OK with the line {details!r}" if details else ""
    if not details.strip():
        return f"{code.name} without a line"
    if details != printable(details):
        return f"{code.name} with a line that is not printable: {details!r}"
    if len(details.encode()) > MAX_STATUS_BYTES:
        return f"{code.name} with a line of {len(details)} characters"
    found = [words for words in _OF_PYTHON if words in details]
    return f"{code.name} with {found[0]!r} in its line: {details}" if found else ""


def fault_of_results(results: Any) -> str:
    """What is wrong with ranked results: numbers that are none, an order that is none."""
    scores = [image.score for image in results.images]
    if not all(map(math.isfinite, (*scores, results.confidence, results.server_ms))):
        return f"OK with scores {scores[:3]}, confidence {results.confidence}, {results.server_ms} ms"
    if not 0 <= results.confidence <= 1:
        return f"OK with confidence {results.confidence}"
    if [image.rank for image in results.images] != list(range(1, len(scores) + 1)):
        return "OK with ranks that do not count from 1"
    if scores != sorted(scores, reverse=True):
        return f"OK with scores that are not sorted: {scores[:10]}"
    if len({image.image_id for image in results.images}) != len(scores):
        return "OK with an image twice"
    return ""
