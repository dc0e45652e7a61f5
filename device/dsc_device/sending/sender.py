"""Sends the queries of the queue, oldest first, again after failures that may pass; each is answered once."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dsc_common.cli.printable import printable
from dsc_common.errors import (
    DamagedIndexError,
    DeadlineError,
    DscError,
    InvalidImageError,
    InvalidInputError,
    OverloadedError,
    PermissionDeniedError,
    SettingError,
    UnauthenticatedError,
    UnknownCodebookError,
    UnreachableError,
)
from dsc_common.features.feature_cache import content_of
from dsc_common.serving.retrying import Backoff
from dsc_device.codebooks.kept_kit import accepted_models, name_of_model
from dsc_device.encoder_kit import EncoderKit
from dsc_device.output import queued_answer_to_json, refusal_to_json
from dsc_device.results.writing import AnswerWriter
from dsc_device.sending.uplink import Uplink
from dsc_device.store.database import NoRoomError, StoreLostError
from dsc_device.store.entry import Entry, halved
from dsc_device.store.store import ANSWERED, DROPPED_DAMAGED, DROPPED_MODEL, REFUSED, Store

MAX_ATTEMPTS = 5  # of a query that fails where others may not
IDLE_S = 1.0
BACKOFF = Backoff(first_s=0.5, factor=2.0, most_s=15.0)
# Failures that are not of one query: it waits until they pass.
_OF_THE_LINK = (
    UnreachableError,
    OverloadedError,
    UnauthenticatedError,
    PermissionDeniedError,
    UnknownCodebookError,
    DamagedIndexError,
    NoRoomError,
)


class Sender:
    """Sends what waits.

    Args:
        store: the queue.
        writer: writes the answers.
        uplink: the link.
        say: prints a line for a person.
        beat: called while all is well, or fails as expected: a sign of life.
        to_text: the line of an answer; by default JSON.
    """

    def __init__(
        self,
        store: Store,
        writer: AnswerWriter,
        uplink: Uplink,
        say: Callable[[str], None],
        beat: Callable[[], None] = lambda: None,
        to_text: Callable[..., str] = queued_answer_to_json,
    ) -> None:
        self._store, self._writer, self._uplink = store, writer, uplink
        self._say, self._beat, self._to_text = say, beat, to_text
        self._attempts: tuple[int, int] = (0, 0)  # of which query, how many
        self._trouble: type[Exception] | None = None
        self.wake = threading.Event()

    def run(self, stopping: threading.Event) -> None:
        """Send until `stopping` is set; failures that may pass are said once, and tried again.

        Raises:
            DscError: a failure that does not pass: a wrong setting, a lost store.
        """
        rng, failed, is_idle = np.random.default_rng(), 0, False
        while not stopping.is_set():
            self.wake.clear()
            try:
                is_busy = self.step()
            except (DscError, OSError) as error:
                if not may_pass(error):
                    raise
                self._mention(error)
                wanted_s = error.retry_after_s if isinstance(error, OverloadedError) else 0.0
                stopping.wait(max(BACKOFF.pause_s(failed, rng), wanted_s))
                failed += 1
                continue
            failed = 0
            self._recovered()
            if not is_busy and not is_idle:
                self._store.shrink()
            is_idle = not is_busy
            if is_idle:
                self.wake.wait(IDLE_S)

    def send_all(self) -> int:
        """Send until the queue is empty; the number of queries that were refused or dropped.

        Raises:
            DscError: a failure of the link; what waits stays in the queue.
            OSError: results or cache cannot be written.
        """
        before = self._without_answer()
        while True:
            try:
                if not self.step():
                    return self._without_answer() - before
            except DscError as error:
                if self._attempts[1] == 0 or not may_pass(error):
                    raise
                time.sleep(BACKOFF.first_s)

    def step(self) -> bool:
        """Send one query; False if none waits.

        Raises:
            DscError: it was not answered, and is still in the queue.
            OSError: its answer is not written yet, or the cache cannot be written.
        """
        self._beat()
        self._writer.finish()
        waiting = self._store.oldest()
        if waiting is None:
            self._writer.settle()
        if waiting is None and self._uplink.has_kit.is_set():
            return False
        kit = self._uplink.connect()
        if waiting is None:
            return False
        if waiting.entry is None:
            self._store.drop(waiting.number, DROPPED_DAMAGED)
            self._say("error: a damaged row of the queue is dropped")
        else:
            self._send(waiting.number, waiting.entry, kit)
        return True

    def _send(self, number: int, entry: Entry, kit: EncoderKit) -> None:
        try:
            fitting = self._fitting(number, entry, kit)
            if fitting is None:
                return
            answer = self._uplink.query(fitting)
        except UnknownCodebookError as error:
            self._uplink.renew(error)  # the query is sent again with the codebook of the new index
        except DscError as error:
            if not self._is_of_query(number, error):
                raise
            self._refuse(number, entry, error)
        else:
            self._attempts = (0, 0)
            model = name_of_model(kit.manifest, fitting.model)
            answer = replace(answer, query=entry.name, model=model)
            self._writer.write(number, self._to_text(answer, entry), ANSWERED)

    def _is_of_query(self, number: int, error: DscError) -> bool:
        """Whether a failure is that of the query alone, which then has no answer."""
        if isinstance(error, (*_OF_THE_LINK, SettingError, StoreLostError)):
            return False
        return isinstance(error, InvalidInputError) or self._count_attempt(number) >= MAX_ATTEMPTS

    def _refuse(self, number: int, entry: Entry, error: Exception) -> None:
        self._attempts = (0, 0)
        self._say(f"error: {entry.name}: {error}")
        self._writer.write(number, refusal_to_json(error, entry), REFUSED)

    def _count_attempt(self, number: int) -> int:
        self._attempts = (number, self._attempts[1] + 1 if self._attempts[0] == number else 1)
        return self._attempts[1]

    def _fitting(self, number: int, entry: Entry, kit: EncoderKit) -> Entry | None:
        """The entry, extracted again if the index does not accept its network; None if it is dropped."""
        if not entry.model or entry.model in accepted_models(kit.manifest):
            return entry
        if kit.extractor is None or not _is_readable(entry):
            self._store.drop(number, DROPPED_MODEL)
            self._say(
                f"error: {entry.name} is dropped: the index does not accept the network that extracted it, "
                f"and the photo is not there any more"
            )
            return None
        assert entry.path is not None  # noqa: S101 (it is readable)
        extraction = kit.extractor.extract(entry.path)
        entry = replace(entry, extraction=extraction, model=kit.extractor.info.sha256)
        self._store.replace(number, entry)
        return replace(entry, extraction=halved(extraction))

    def _without_answer(self) -> int:
        """Number of queries that were refused or dropped so far, other than by a full queue."""
        counts = self._store.counts()
        return sum(counts.get(name, 0) for name in (REFUSED, DROPPED_MODEL, DROPPED_DAMAGED))

    def _mention(self, error: Exception) -> None:
        kind = UnreachableError if isinstance(error, DeadlineError) else type(error)
        if self._trouble is not kind:
            self._trouble = kind
            number = self._store.num_waiting()
            self._say(f"note: no answers for now: {error_text(error)}; in the queue: {number:,}")

    def _recovered(self) -> None:
        if self._trouble is not None:
            self._trouble = None
            self._say("note: queries are answered again")


def may_pass(error: Exception) -> bool:
    """Whether a failure may pass by itself."""
    return not isinstance(error, SettingError | StoreLostError | BrokenPipeError)


def error_text(error: Exception) -> str:
    """One line; an OSError with its file."""
    if isinstance(error, OSError):
        return printable(": ".join(str(part) for part in (error.strerror, error.filename) if part))
    return str(error)


def _is_readable(entry: Entry) -> bool:
    """Whether the photo is where it was, with the same content."""
    try:
        return entry.path is not None and content_of(entry.path) == entry.content
    except (OSError, InvalidImageError):
        return False
