"""Deep semantic coding from Python: build an index, encode a query, send it over a link, retrieve.

Two ways to the same results: `Database` runs everything in this process, without services; `Client` uses a
running server and channel. docs/python-api.md lists these names and the rule by which they may change; all
other names may change at any time.
"""

from deep_semantic_coding.client import Client
from deep_semantic_coding.database import Database
from deep_semantic_coding.transmission import transmit
from dsc_common.errors import (
    DamagedIndexError,
    DeadlineError,
    DscError,
    InvalidImageError,
    InvalidInputError,
    OverloadedError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnknownCodebookError,
    UnreachableError,
)
from dsc_common.features.extraction import Extraction
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import Fading, HeadProtection, LinkReport, LinkSettings, ReceivedSignal
from dsc_common.radio.modes import Mode
from dsc_common.retrieval.options import Policy, Ranking
from dsc_common.retrieval.results import RankedImage, RankedResults
from dsc_device.encoder_kit import EncodedPacket
from dsc_device.querying import Answer
from dsc_server.index.search_limits import SearchLimits

__all__ = [
    "Answer",
    "Client",
    "DamagedIndexError",
    "Database",
    "DeadlineError",
    "DscError",
    "EncodedPacket",
    "Extraction",
    "Fading",
    "Fec",
    "HeadProtection",
    "InvalidImageError",
    "InvalidInputError",
    "LinkReport",
    "LinkSettings",
    "Mode",
    "OverloadedError",
    "PermissionDeniedError",
    "Policy",
    "RankedImage",
    "RankedResults",
    "Ranking",
    "ReceivedSignal",
    "SearchLimits",
    "UnauthenticatedError",
    "UnknownCodebookError",
    "UnreachableError",
    "transmit",
]
