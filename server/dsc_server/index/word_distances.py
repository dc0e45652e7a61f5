"""Distances between the words of each partition, kept for the partitions that were read last.

Eq. (14) compares words with words, so its terms do not depend on the query. All of them would take
4 M n² bytes a partition (2 MiB with M = 8 and n = 256), more than most servers have for 1000 partitions.
"""

from collections import OrderedDict
from threading import Lock

from dsc_common.codebook.codebook import Codebook
from dsc_server.kernels.choice import kernels
from dsc_server.kernels.interface import WordDistances

DEFAULT_MEMORY_BYTES = 256 << 20


class PartitionDistances:
    """Distances between the words of each partition, for queries in several threads.

    Args:
        codebook: C and R.
        memory_bytes: bytes that are kept at most.

    Attributes:
        nbytes: bytes that are kept.
    """

    def __init__(self, codebook: Codebook, memory_bytes: int = DEFAULT_MEMORY_BYTES) -> None:
        self._codebook = codebook
        self._kept: OrderedDict[tuple[str, int], WordDistances] = OrderedDict()
        self.nbytes = 0
        self._lock = Lock()
        self.memory_bytes = memory_bytes

    def of(self, label: int) -> WordDistances:
        """Distances between the words of partition `label`."""
        key = (kernels().name, label)
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                found = self._kept[key] = kernels().word_distances(self._codebook.block(label))
                self.nbytes += found.nbytes
            self._kept.move_to_end(key)
            while self.nbytes > self.memory_bytes:
                _, oldest = self._kept.popitem(last=False)
                self.nbytes -= oldest.nbytes
        return found
