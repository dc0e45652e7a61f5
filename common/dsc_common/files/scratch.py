"""Large arrays beside memory: mapped from a file of the temporary folder that goes when they do."""

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.files.room import room_in, take_room

MAX_MEMORY_BYTES = 1 << 30


def scratch_array(shape: Sequence[int], dtype: type[np.floating]) -> NDArray[Any]:
    """Zeros; beyond MAX_MEMORY_BYTES memory-mapped from a file without a name in the temporary folder.

    Raises:
        DscError: the temporary folder has too little room.
    """
    num_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    if num_bytes <= MAX_MEMORY_BYTES:
        return np.zeros(shape, dtype=dtype)
    with room_in(Path(tempfile.gettempdir())), tempfile.TemporaryFile() as file:
        # Blocks that a map finds missing on a full disk would end the process, without a word, much later.
        file.truncate(num_bytes)
        take_room(Path(f"/proc/self/fd/{file.fileno()}"), num_bytes)
        return np.memmap(file, dtype=dtype, mode="r+", shape=tuple(shape))
