"""Reads the JSON lines of `dsc-device query --json`, and judges them against the gallery's ground truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dsc_common.errors import InvalidInputError
from dsc_demo.gallery import Gallery, Query


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Result(_Model):
    """One ranked image; `label` is its partition's."""

    rank: int
    image_id: str
    uri: str
    label: int
    score: float


class Link(_Model):
    """Report on the packet over the air; `energy` in units of P, one per channel use at unit power."""

    mode: str
    snr_db: float
    seed: int
    channel_uses: int
    energy: float
    bit_errors: int
    head_ok: bool


class Answer(_Model):
    """One line: the photo, the packet in hex digits, its head and what came back."""

    query: str
    packet: str = Field(pattern="^([0-9a-f]{2})+$")
    payload: str = "codes"
    head: tuple[int, ...]
    results: tuple[Result, ...]
    link: Link
    timings_ms: dict[str, float | None]
    head_labels: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def packet_bytes(self) -> int:
        """Number of bytes sent over the air."""
        return len(self.packet) // 2

    @property
    def label_names(self) -> tuple[str, ...]:
        """The head's labels by name, most likely first; by number where the device has no names."""
        return self.head_labels or tuple(f"label {i}" for i in self.head)

    @property
    def time_ms(self) -> float:
        """Milliseconds from the photo to the answer: extraction, encoding and the round trip."""
        return sum(self.timings_ms.get(part) or 0.0 for part in ("extract", "encode", "round_trip"))


def answer_from_json(line: str) -> Answer:
    """Return the answer in a line of JSON.

    Raises:
        InvalidInputError: the line is not an answer; the message names the first fault.
    """
    try:
        return Answer.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInputError(f"not an answer of dsc-device: {where or 'line'}: {first['msg']}") from error


@dataclass(frozen=True)
class Trial:
    """A query and its answer over one channel; `first_right` is a rank from 1, None if none came back."""

    query: Query
    answer: Answer
    first_right: int | None
    photo_bytes: int


def judge(gallery: Gallery, query: Query, answer: Answer) -> Trial:
    """Return the answer with the rank of the first image that shows what the query shows."""
    ranks = (result.rank for result in answer.results if gallery.is_right(query, result.image_id))
    return Trial(query, answer, min(ranks, default=None), query.path.stat().st_size)


@dataclass(frozen=True)
class Round:
    """All queries over one channel; `snr_db` is P/σ² per real channel use, infinite without noise."""

    snr_db: float
    trials: tuple[Trial, ...]

    @property
    def bit_error_rate(self) -> float:
        """Wrong bits per bit sent, over all packets."""
        bits = sum(8 * trial.answer.packet_bytes for trial in self.trials)
        return sum(trial.answer.link.bit_errors for trial in self.trials) / bits

    @property
    def heads_right(self) -> float:
        """Fraction of packets whose head arrived without an error."""
        return _fraction([trial.answer.link.head_ok for trial in self.trials])

    def right_within(self, rank: int) -> float:
        """Fraction of queries with a right image among the first `rank`."""
        return _fraction(
            [trial.first_right is not None and trial.first_right <= rank for trial in self.trials]
        )

    @property
    def median_ms(self) -> float:
        """Median milliseconds from a photo to its answer."""
        return median(trial.answer.time_ms for trial in self.trials)


def _fraction(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)


def snr_name(snr_db: float) -> str:
    """Return an SNR as people write it: `∞ dB`, `12 dB`, `-2.5 dB`."""
    return "∞ dB" if snr_db == float("inf") else f"{snr_db:g} dB"
