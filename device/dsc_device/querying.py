"""A query from photo to answer: extract, encode, send, and receive the answer.

With a server and a channel running, from Python:

    server, channel = Peer("server", "127.0.0.1:50051"), Peer("channel", "127.0.0.1:50052")
    with open_server(server, wait_s=30) as client:
        kit = fetch_encoder_kit(client, cache_folder("dsc-device"))
    with open_channel(channel, wait_s=30) as client:
        answer = Querier(kit, client).query(Path("photo.jpg"), link=LinkChoice(snr_db=2.0))
"""

import hashlib
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dsc_common.errors import InvalidImageError, UnknownCodebookError
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import STEPS
from dsc_common.radio.link import LinkChoice, LinkReport
from dsc_common.retrieval.options import RetrievalOptions
from dsc_common.retrieval.results import RankedResults
from dsc_common.spans import Spans, recorded
from dsc_common.valid_text import require_valid_text
from dsc_device.client import ChannelClient
from dsc_device.encoder_kit import EncoderKit
from dsc_device.query_log import logged_query

REQUEST_ID_DIGITS = 16
MAX_REQUEST_ID_CHARACTERS = 1024


@dataclass(frozen=True)
class Answer:
    """The answer to one query.

    Attributes:
        query: path of the photo; empty for an extraction.
        packet: the transmitted bytes.
        payload: kind of the payload: codes, code or feature.
        head: the T transmitted labels.
        head_labels: names of these labels; empty without a head.
        results: the server's answer.
        link: the channel's report on the packet.
        timings_ms: milliseconds for extract, encode, round_trip and, within it, server; of a photo, within
            extract, decode, resize and network; hash before all, if the request id is a hash of the query.
        model: name of the network that read the photo; empty for an extraction, or if the server names none.
    """

    query: str
    packet: bytes
    payload: str
    head: list[int]
    head_labels: list[str]
    results: RankedResults
    link: LinkReport
    timings_ms: dict[str, float] = field(default_factory=dict)
    model: str = ""


def require_request_id(request_id: str) -> None:
    """Raise InvalidInputError unless a message can carry the request id."""
    require_valid_text("a request id", request_id, MAX_REQUEST_ID_CHARACTERS)


def request_id_of(query: Path | Extraction) -> str:
    """Request id from the content: a photo gets the same noise in any folder, and other photos other noise.

    Returns:
        First digits of a SHA-256 in hexadecimal: of the photo's file, or of q and p (little-endian float32).

    Raises:
        InvalidImageError: the photo cannot be read.
    """
    if isinstance(query, Extraction):
        numbers = (query.feature.astype("<f4"), query.probabilities.astype("<f4"))
        return hashlib.sha256(b"".join(array.tobytes() for array in numbers)).hexdigest()[:REQUEST_ID_DIGITS]
    try:
        with query.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:REQUEST_ID_DIGITS]
    except OSError as error:
        raise InvalidImageError(f"cannot read {query}: {error.strerror}") from error
    except ValueError as error:  # a path with a NUL
        raise InvalidImageError(f"cannot read {query}: {error}") from error


def require_renewed(kit: EncoderKit, refused: EncoderKit, error: UnknownCodebookError) -> None:
    """Raise UnknownCodebookError if a kit has the codebook that a server has refused with `error`."""
    if kit.manifest.codebook_version == refused.manifest.codebook_version:
        raise UnknownCodebookError(
            f"{error}; the channel leads to another server than the one that gave the codebook"
        ) from error


class Querier:
    """Sends queries through one channel to one server, numbered from 0 in the order of sending.

    Args:
        kit: the encoder of the server's index.
        client: client of the channel.
        link: link settings for queries without any; by default the channel's settings.
        options: retrieval options for queries without them; by default the server's options.
        renew: called when the server no longer holds the kit's codebook; returns the kit of its index.
        say: prints a line for a person.
    """

    def __init__(
        self,
        kit: EncoderKit,
        client: ChannelClient,
        link: LinkChoice | None = None,
        options: RetrievalOptions | None = None,
        renew: Callable[[], EncoderKit] | None = None,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._kit = kit
        self._renew = renew
        self._say = say
        self._client = client
        self._link = link or LinkChoice()
        self._options = options or RetrievalOptions()
        self._sequence = itertools.count()

    def use(self, kit: EncoderKit) -> None:
        """Encode with another kit from here on; the numbers of the packets go on."""
        self._kit = kit

    def query(
        self,
        query: Path | Extraction,
        request_id: str | None = None,
        link: LinkChoice | None = None,
        options: RetrievalOptions | None = None,
        traceparent: str | None = None,
    ) -> Answer:
        """Retrieve the images that show what the photo shows.

        Args:
            query: path of a photo; or feature q (F,) and probabilities p (K,), both float32.
            request_id: noise is keyed on it and the link's seed; by default `request_id_of` the query.
            link: link settings, in place of the querier's.
            options: retrieval options, in place of the querier's.
            traceparent: of the trace that the query belongs to (W3C Trace Context); by default it begins one.

        Raises:
            InvalidImageError: the photo cannot be read.
            InvalidInputError: the request id is not valid text.
            DscError: channel or server refuse the packet or do not answer.
        """
        clock = _Clock()
        if not request_id:
            request_id = request_id_of(query)
            clock.lap("hash")
        require_request_id(request_id)
        sending = _Sending(request_id, link or self._link, options or self._options)
        with logged_query(request_id, traceparent) as call:
            answer = self._send_with_any_kit(query, sending)
            answer.timings_ms.update(clock.laps_ms)
            call.steps = {step: ms / 1e3 for step, ms in answer.timings_ms.items()}
        return answer

    def _send_with_any_kit(self, query: Path | Extraction, sending: "_Sending") -> Answer:
        kit = self._kit
        try:
            return self._send(query, kit, sending)
        except UnknownCodebookError as error:
            if self._renew is None:
                raise
            self._kit = self._renew()
            require_renewed(self._kit, kit, error)
            self._say("note: the server has a new index; its codebook is used from here on")
            return self._send(query, self._kit, sending)

    def _send(self, query: Path | Extraction, kit: EncoderKit, sending: "_Sending") -> Answer:
        clock = _Clock()
        with recorded() as spans:
            extraction = kit.extract(query)
        clock.lap("extract")
        packet = kit.pack(extraction)
        clock.lap("encode")
        if sending.sequence is None:
            sending.sequence = next(self._sequence)
        results, link_report = self._client.transmit(
            packet.data, kit.manifest, sending.request_id, sending.sequence, sending.link, sending.options
        )
        clock.lap("round_trip")
        return Answer(
            query=str(query) if isinstance(query, Path) else "",
            packet=packet.data,
            payload=str(kit.manifest.format.payload),
            head=packet.head,
            head_labels=packet.head_labels,
            results=results,
            link=link_report,
            timings_ms=clock.laps_ms | {"server": results.server_ms} | _of_photo(spans),
            model=kit.model if isinstance(query, Path) else "",
        )


def _of_photo(spans: Spans) -> dict[str, float]:
    """Milliseconds of the steps of an extraction; none where nothing was extracted."""
    return {step: 1e3 * spans.seconds[step] for step in STEPS if step in spans.seconds}


@dataclass
class _Sending:
    """How a query is sent, whatever codebook encodes it; numbered when it is sent first."""

    request_id: str
    link: LinkChoice
    options: RetrievalOptions
    sequence: int | None = None


class _Clock:
    """Laps in milliseconds."""

    def __init__(self) -> None:
        self.laps_ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps_ms[name] = 1e3 * (now - self._last)
        self._last = now
