"""What a build took and what it left out: lines for a person as it goes on, and the totals at the end."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from dsc_common.errors import InvalidImageError
from dsc_common.features.kinds import Kind
from dsc_common.files.walk import Passed

LINES = 20  # for each reason
UNREADABLE = "photos that cannot be read"
LOCKED_FILES = "files that cannot be opened"
GONE = "photos that vanished during the build"
EMPTY = "places without photos"
# Everything else that is passed over is not a loss, and is counted only.
_LOSSES = (UNREADABLE, LOCKED_FILES, GONE, EMPTY, Passed.BROKEN_LINK, Passed.LOCKED)
_MOST_SUFFIXES = 4


class Tally:
    """Counts of photos and of what is left out, by reason.

    Args:
        say: receives lines for a person.
        strict: a photo, file or folder that cannot be read is an error.
        instead: the end of its line, on how it can be left out.

    Attributes:
        kept: photos whose features were read from the store.
        extracted: photos whose features were extracted.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        strict: bool = False,
        instead: str = "without --strict, it is left out",
    ) -> None:
        self._say = say
        self._instead = instead
        self._strict = strict
        self._counts: Counter[str] = Counter()
        self._kinds: dict[str, Kind] = {}
        self._suffixes: Counter[str] = Counter()
        self._patterns: set[str] = set()
        self.kept = 0
        self.extracted = 0

    def passed(self, reason: Passed, path: Path, detail: str) -> None:
        """A file or folder that the walk passed over."""
        if reason is Passed.EXCLUDED:
            self._patterns.add(detail)
        self.add(reason, f"{path}: {detail}" if detail else str(path))

    def unreadable(self, error: InvalidImageError) -> None:
        """A photo that cannot be read."""
        self.add(UNREADABLE, str(error))

    def add(self, reason: str, line: str) -> None:
        """Something that is left out; the first few of each reason that is a loss get a line.

        Raises:
            InvalidImageError: it is a loss, and the build is strict.
        """
        if reason in _LOSSES:
            if self._strict:
                raise InvalidImageError(f"{line} ({self._instead})")
            if self._counts[reason] < LINES:
                self._say(f"left out: {line}")
            elif self._counts[reason] == LINES:
                self._say(f"left out: more {reason}; their number comes at the end")
        self._counts[str(reason)] += 1

    def say_unused(self, patterns: Iterable[str]) -> None:
        """Name the patterns that have excluded nothing."""
        for pattern in patterns:
            if pattern not in self._patterns:
                self._say(f"--exclude {pattern}: nothing has this name or path")

    def keep(self) -> None:
        """A photo whose features were kept by an earlier build."""
        self.kept += 1

    def not_read(self, kind: Kind) -> None:
        """A photo of a kind that is not read, or a video."""
        self._counts[_name(kind)] += 1
        self._kinds[_name(kind)] = kind

    def no_photo(self, path: Path) -> None:
        """A file that is neither photo nor video."""
        self._suffixes[path.suffix.lower() or "no suffix"] += 1

    def say_totals(self) -> None:
        """Say the totals of what is left out, of what is passed over, and of the features."""
        losses = {reason: count for reason, count in self._counts.items() if reason in _LOSSES}
        if losses:
            texts = [f"{reason}: {count:,}" for reason, count in losses.items()]
            self._say(f"left out in all: {', '.join(texts)}")
        for name, kind in self._kinds.items():
            if kind.medium == "photo":
                self._say(f"left out in all: {name}: {self._counts[name]:,} ({kind.hint})")
        if others := self._passed_over():
            self._say(f"passed over: {', '.join(others)}")
        self._say(f"features: {self.kept:,} kept, {self.extracted:,} extracted")

    def _passed_over(self) -> list[str]:
        texts = []
        if total := self._suffixes.total():
            most = [f"{count:,} {name}" for name, count in self._suffixes.most_common(_MOST_SUFFIXES)]
            rest = ["…"] if len(self._suffixes) > _MOST_SUFFIXES else []
            texts.append(f"other files: {total:,} ({', '.join(most + rest)})")
        return texts + [
            f"{reason}: {count:,}" for reason, count in self._counts.items() if not self._is_loss(reason)
        ]

    def _is_loss(self, reason: str) -> bool:
        return reason in _LOSSES or (reason in self._kinds and self._kinds[reason].medium == "photo")

    def as_dict(self) -> dict[str, int | dict[str, int]]:
        """The totals, for programs: features kept and extracted; left out and passed over by reason."""
        left_out = {reason: count for reason, count in self._counts.items() if self._is_loss(reason)}
        passed_over = {reason: count for reason, count in self._counts.items() if not self._is_loss(reason)}
        if self._suffixes:
            passed_over["other files"] = self._suffixes.total()
        return {
            "features_kept": self.kept,
            "features_extracted": self.extracted,
            "left_out": left_out,
            "passed_over": passed_over,
        }


def _name(kind: Kind) -> str:
    return f"{kind.name} photos" if kind.medium == "photo" else f"{kind.name} videos"
