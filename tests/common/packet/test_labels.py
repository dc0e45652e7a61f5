"""The most likely labels against a plain loop."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.packet.labels import top_labels
from helpers.examples import top_by_loop


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40), st.data())
def test_the_most_likely_labels_come_first(probabilities: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(probabilities)))
    labels = top_labels(np.array(probabilities, dtype=np.float32), count)
    assert labels.dtype == np.int64
    assert labels.tolist() == top_by_loop(probabilities, count)


def test_among_equals_the_lowest_label_comes_first() -> None:
    assert top_labels(np.array([0.1, 0.3, 0.2, 0.3, 0.1], dtype=np.float32), 5).tolist() == [1, 3, 2, 0, 4]
    assert top_labels(np.zeros(1000, dtype=np.float32), 5).tolist() == [0, 1, 2, 3, 4]


def test_there_are_no_more_than_all() -> None:
    assert top_labels(np.array([0.1, 0.7, 0.2], dtype=np.float32), 9).tolist() == [1, 2, 0]
