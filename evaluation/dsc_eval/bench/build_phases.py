"""Time of the phases of building an index, from outside: functions that the building calls become spans."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from types import ModuleType
from typing import Any, Generic, TypeVar

from dsc_common.spans import OTHER, recorded, span
from dsc_server.building import indexing

WORDS = "words"
# Functions by the name under which `build_index` calls them. One that another version lacks counts for the
# phase around it; spans that a version has itself count as well.
PHASES = {
    "partition": "partitioning",
    "learn_rotation": "rotation",
    "channel_optimised_words": WORDS,
    "train_words": WORDS,
    "ordered_words": "order of words",
    "shuffled_words": "order of words",
    "_ranking_features": "projection",
    "augment": "augmentation",
    "encode_residuals": "encoding",
    "_codes_of_images": "encoding",  # in threads, whose spans are not recorded
    "group": "grouping",
    "learn_labels": "label model",
}
_Result = TypeVar("_Result")


@contextmanager
def spans_around(module: ModuleType, phases: Mapping[str, str]) -> Iterator[None]:
    """Inside the block, functions that a module calls under these names are spans with these steps."""
    found = {name: getattr(module, name) for name in phases if hasattr(module, name)}
    for name, function in found.items():
        setattr(module, name, _as_span(function, phases[name]))
    try:
        yield
    finally:
        for name, function in found.items():
            setattr(module, name, function)


def _as_span(function: Callable[..., Any], step: str) -> Callable[..., Any]:
    @wraps(function)
    def inside(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - as the function's
        with span(step):
            return function(*args, **named)

    return inside


@dataclass(eq=False)
class RecordedBuild(Generic[_Result]):
    """A call that builds something, timed by phases each time.

    Attributes:
        build: the call.
        phases: seconds of each phase, of each call.
    """

    build: Callable[[], _Result]
    phases: list[dict[str, float]] = field(default_factory=list)
    _last: list[_Result] = field(default_factory=list)

    def __call__(self, _item: int) -> None:
        """Build once."""
        self._last.clear()  # two of a large database may not fit in memory
        with recorded() as spans, spans_around(indexing, PHASES):
            self._last.append(self.build())
        self.phases.append(spans.seconds)

    def built(self) -> _Result:
        """The result of the last call."""
        return self._last[-1]

    def seconds(self) -> dict[str, list[float]]:
        """Of each phase the seconds of each call; time outside all phases comes last."""
        names = dict.fromkeys(name for phases in self.phases for name in phases if name != OTHER)
        return {name: [phases.get(name, 0.0) for phases in self.phases] for name in (*names, OTHER)}
