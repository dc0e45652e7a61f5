"""A table in Markdown, and the forms of its cells."""

from collections.abc import Sequence

from dsc_eval.reading import Record, number


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Header and lines of cells → Markdown, a line each, without a newline at the end."""
    rule = f"|{'---|' * len(header)}"
    return "\n".join([_line(header), rule, *map(_line, lines)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def code(name: str) -> str:
    """A name in the type of code."""
    return f"`{name}`"


def score(row: Record) -> str:
    """mAP with three digits."""
    return f"{number(row, 'mAP'):.3f}"


def interval(row: Record) -> str:
    """The confidence interval of mAP with three digits."""
    return f"{number(row, 'mAP_low'):.3f}–{number(row, 'mAP_high'):.3f}"
