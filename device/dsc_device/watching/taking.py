"""A photo of a watched folder: read once, extracted, and put into queue and ledger in one transaction."""

from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path

from dsc_common.errors import InvalidImageError
from dsc_common.features.extractor import Extractor
from dsc_common.features.feature_cache import content_of
from dsc_common.features.images import SUFFIXES
from dsc_common.features.kinds import kind_of_file
from dsc_common.radio.link import LinkChoice
from dsc_common.retrieval.options import RetrievalOptions
from dsc_device.store.entry import Entry
from dsc_device.store.ledger import PhotoState
from dsc_device.store.photo_stamp import PhotoStamp
from dsc_device.store.store import Store
from dsc_device.watching.settling import stamp_of


class Taken(Enum):
    """What happened to a file."""

    QUEUED = auto()
    KNOWN = auto()
    PASSED = auto()  # no photo
    FAILED = auto()  # a photo that cannot be decoded
    CHANGED = auto()  # while it was read; to be looked at again
    LOCKED = auto()  # cannot be opened; to be tried again


class Taker:
    """Takes photos.

    Args:
        store: queue and ledger.
        extractor: the network of the moment.
        link: link settings of each query.
        options: retrieval options of each query.
        say: prints a line for a person.
    """

    def __init__(
        self,
        store: Store,
        extractor: Callable[[], Extractor],
        link: LinkChoice,
        options: RetrievalOptions,
        say: Callable[[str], None],
    ) -> None:
        self._store, self._extractor = store, extractor
        self._link, self._options, self._say = link, options, say
        self._mentioned: set[tuple[Path, str]] = set()
        self.dropped = 0  # queries that the full queue dropped

    def take(self, stamp: PhotoStamp) -> Taken:
        """Queue the photo in a file, unless it was queued before.

        Raises:
            NoRoomError: nothing is stored; the file can be taken later.
        """
        if self._store.is_known(stamp):
            return Taken.KNOWN
        try:
            if not _is_photo(stamp.path):
                self._store.pass_over([stamp], PhotoState.PASSED)
                return Taken.PASSED
            content = content_of(stamp.path)
        except OSError as error:
            return self._locked(stamp.path, error)
        if stamp_of(stamp.path) != stamp:
            return Taken.CHANGED
        if self._store.is_same_content(stamp, content):
            return Taken.KNOWN
        return self._queue(stamp, content)

    def _queue(self, stamp: PhotoStamp, content: bytes) -> Taken:
        extractor = self._extractor()
        try:
            extraction = extractor.extract(stamp.path)
        except InvalidImageError as error:
            if stamp_of(stamp.path) != stamp:
                return Taken.CHANGED
            self._store.pass_over([stamp], PhotoState.FAILED, content)
            self._say(f"error: {error}")
            return Taken.FAILED
        if stamp_of(stamp.path) != stamp:
            return Taken.CHANGED
        model = extractor.info.sha256
        shown = (extraction, stamp.captured_ns, self._link, self._options)
        entry = Entry("", str(stamp.path), stamp.path, content, model, *shown)
        self.dropped += self._store.add(entry, stamp)
        return Taken.QUEUED

    def _locked(self, path: Path, error: OSError) -> Taken:
        if isinstance(error, FileNotFoundError):
            return Taken.CHANGED
        fault = (path, error.strerror or str(error))
        if fault not in self._mentioned:
            self._mentioned.add(fault)
            self._say(f"error: cannot read {path}: {fault[1]}")
        return Taken.LOCKED


def _is_photo(path: Path) -> bool:
    kind = kind_of_file(path)
    if kind is None:
        return path.suffix.lower() in SUFFIXES
    return kind.medium != "video"
