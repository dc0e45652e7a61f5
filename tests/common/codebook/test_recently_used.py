"""What was used last stays, up to the limit; the order is that of use."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.codebook.recently_used import RecentlyUsed


@given(st.integers(1, 40), st.lists(st.tuples(st.booleans(), st.integers(0, 6)), max_size=60))
def test_a_plain_list_in_the_order_of_use(limit: int, steps: list[tuple[bool, int]]) -> None:
    """Partition n takes n bytes; the oracle moves it to the end of a list when it is used."""
    used: RecentlyUsed[NDArray[np.uint8]] = RecentlyUsed(limit)
    order: list[int] = []
    for is_put, partition in steps:
        if is_put and partition not in order:
            used.put(partition, np.zeros(partition, dtype=np.uint8))
            order.append(partition)
            while sum(order) > limit and len(order) > 1:
                del order[0]
        elif not is_put:
            found = used.get(partition)
            assert (found is not None) == (partition in order)
            if found is not None:
                assert found.nbytes == partition
                order = [*(other for other in order if other != partition), partition]
        assert list(used.held()) == order


def test_a_value_is_put_once() -> None:
    used: RecentlyUsed[NDArray[np.uint8]] = RecentlyUsed(100)
    first = np.zeros(10, dtype=np.uint8)
    used.put(1, first)
    used.put(1, np.ones(10, dtype=np.uint8))
    assert used.get(1) is first
