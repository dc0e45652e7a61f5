"""Times: which call comes when, and what is made of the numbers; no time is judged."""

import numpy as np
import pytest

from dsc_common.spans import OTHER, span
from dsc_eval.offline.timing import Times, interleaved, step_fractions


def test_contenders_alternate_run_by_run() -> None:
    calls: list[tuple[str, int]] = []
    times = interleaved(
        {name: lambda item, name=name: calls.append((name, item)) for name in "AB"},  # type: ignore[misc]
        items=2,
        runs=3,
    )
    assert calls == 3 * [("A", 0), ("A", 1), ("B", 0), ("B", 1)]
    assert {name: (of.wall.shape, of.cpu.shape) for name, of in times.items()} == {
        name: ((3, 2), (3, 2)) for name in "AB"
    }


def test_columns_by_hand() -> None:
    wall = np.array([[0.001, 0.002, 0.009], [0.003, 0.004, 0.005]])
    times = Times(wall, 2 * wall)
    assert times.columns() == {
        "ms": 3.5,
        "ms_p90": 7.0,
        "ms_min": 2.0,
        "ms_max": 4.0,
        "cpu_ms": 7.0,
        "runs": 2,
    }
    # Of each item the median over the runs: 2, 3 and 7 ms.
    assert times.per_second == pytest.approx(1 / 0.004)


def test_fractions_are_those_of_the_spans() -> None:
    @span("half")
    def inside() -> None: ...

    found = step_fractions(lambda _item: inside(), range(3), ("half", "nothing", OTHER))
    assert found["nothing"] == 0
    assert found["half"] + found[OTHER] == pytest.approx(1)
