"""Errors that a user may see; each carries one clear line.

DscError
├── InvalidInputError          an invalid input; also a ValueError
│   ├── InvalidImageError      a photo cannot be decoded, or is too large to be decoded safely
│   └── SettingError           a wrong option or environment variable of a command; its exit code is 2
├── DamagedIndexError          an index directory or codebook file is incomplete, altered or foreign
├── UnknownCodebookError       a codebook version that the server does not hold
├── UnauthenticatedError       a service needs a token, and got none that it accepts
├── PermissionDeniedError      the caller lacks the role that a call needs
├── OverloadedError            a service answers as many requests as it may; later it may answer this one
└── UnreachableError           a server or channel does not answer
    └── DeadlineError          it is connected, but did not answer in time
"""


class DscError(Exception):
    """Base class of the errors of this project."""


class InvalidInputError(DscError, ValueError):
    """An invalid input; the message states what was expected and what was given."""


class InvalidImageError(InvalidInputError):
    """A photo cannot be decoded, or is larger than the safe limit."""


class SettingError(InvalidInputError):
    """A wrong option or environment variable; the message names it."""


class DamagedIndexError(DscError):
    """An index directory (or one of its files) is missing, truncated, altered or foreign."""


class UnknownCodebookError(DscError):
    """A packet was encoded with a codebook version that the server does not hold."""


class UnauthenticatedError(DscError):
    """A service needs a token, and got none, or one that is unknown or revoked."""


class PermissionDeniedError(DscError):
    """The caller is known, but lacks a role; the message names the role that the call needs."""


class UnreachableError(DscError):
    """A service did not answer in time; the message names its address."""


class DeadlineError(UnreachableError):
    """A connected service did not answer in time; the message names its address and the time."""


class OverloadedError(DscError):
    """A service has as many requests as it takes; the same request may succeed later.

    Attributes:
        retry_after_s: seconds after which the service expects to take the request; 0: not known.
    """

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def first_line(error: BaseException) -> str:
    """The first line of a library's error, or its class: some of ONNX Runtime on arm64 have no words."""
    return (str(error).splitlines() or [type(error).__name__])[0]
