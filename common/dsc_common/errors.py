"""Errors that a user may see, drawn as a tree; each carries one clear line.

DscError
├── InvalidInputError          (also a ValueError)   what came is not what was expected
│   └── InvalidImageError      a photo cannot be read, or is too large to be read safely
├── DamagedIndexError          an index directory or codebook file is not whole, or not ours
├── UnknownCodebookError       a codebook version that the server does not hold
└── UnreachableError           a server or channel does not answer
"""


class DscError(Exception):
    """Base of every error that this project raises on purpose."""


class InvalidInputError(DscError, ValueError):
    """What came is not what was expected; the message names both."""


class InvalidImageError(InvalidInputError):
    """A photo that cannot be decoded, or whose size is beyond the safe limit."""


class DamagedIndexError(DscError):
    """An index directory (or a file of it) is missing, truncated, altered or not ours."""


class UnknownCodebookError(DscError):
    """A packet was made with a codebook version that the server does not hold."""


class UnreachableError(DscError):
    """A peer did not answer within the time the user allows; the message names its address."""
