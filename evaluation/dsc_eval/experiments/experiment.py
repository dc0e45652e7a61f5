"""An experiment: its name, columns, settings, and the function that makes its rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dsc_eval.experiments.settings import ExperimentSettings
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.output import Row


@dataclass(frozen=True)
class Experiment:
    """An experiment, and everything that its command needs.

    Attributes:
        name: of the command `dsc-eval run NAME`.
        help: one line for `--help`.
        columns: of its CSV.
        settings: the type of its settings; each setting with a description is an option of the command.
        run: makes its rows.
        shown: columns that the command prints; all by default.
        require_fit: raises InvalidInputError where settings do not fit K and F.
        file_name: stem of its CSV and JSON; `name` by default.
        has_figure: `dsc-eval plot NAME` draws it.
        compared: columns that name what rows are compared by mAP; none where a row has no mAP.
        condition: columns that two rows must agree in to be compared.
    """

    name: str
    help: str
    columns: Sequence[str]
    settings: type[ExperimentSettings]
    run: Callable[[BenchmarkData, Any], Iterator[Row]]
    shown: Sequence[str] = ()
    require_fit: Callable[[Any, int, int], None] | None = None
    file_name: str = ""
    has_figure: bool = True
    compared: Sequence[str] = ()
    condition: Sequence[str] = ()
