"""A codebook in parts on the device: R^i is memory-mapped when a query needs it, and downloaded before."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np

from dsc_common.codebook.codebook import EncoderCodebook
from dsc_common.codebook.manifest import CodebookParts
from dsc_common.codebook.parts import Codewords, map_words
from dsc_common.codebook.precision import Stored
from dsc_common.codebook.recently_used import RecentlyUsed
from dsc_common.errors import DamagedIndexError
from dsc_device.client import CodebookClient
from dsc_device.codebooks.cache import DownloadCache
from dsc_device.codebooks.wanted import Wanted

MAX_MAPPED_BYTES = 64 << 20  # 200 partitions of 256 words in int8, F = 1280

Connect = Callable[[], AbstractContextManager[CodebookClient]]


class CodebookInParts(EncoderCodebook):
    """C, and R^i of the partitions that queries need; calls from several threads are safe.

    Pages that a mapping has read count as memory of the process, so only the R^i that were used last stay
    mapped, up to MAX_MAPPED_BYTES.

    Args:
        codewords: C, the transform, and the number of words of each partition.
        num_subvectors: M.
        parts: files of the manifest.
        version: version of the codebook.
        cache: folder of downloads.
        connect: opens a client of the server.
    """

    def __init__(
        self,
        codewords: Codewords,
        num_subvectors: int,
        parts: CodebookParts,
        version: str,
        cache: DownloadCache,
        connect: Connect,
    ) -> None:
        self.codewords, self.offsets = codewords.codewords, codewords.offsets
        self.transform, self.scales = codewords.transform, codewords.scales
        self._num_subvectors = num_subvectors
        self._parts, self._version, self._cache, self._connect = parts, version, cache, connect
        self._mapped: RecentlyUsed[Stored] = RecentlyUsed(MAX_MAPPED_BYTES)
        if num_subvectors < 1 or self.dim % num_subvectors:
            raise DamagedIndexError(f"expected F divisible by M = {num_subvectors}, got F = {self.dim}")
        if self.scales.size and self.scales.shape != (self.num_partitions, num_subvectors):
            raise DamagedIndexError(
                f"expected scales {(self.num_partitions, num_subvectors)}, got {self.scales.shape}"
            )

    @property
    def num_subvectors(self) -> int:
        """M."""
        return self._num_subvectors

    def stored(self, label: int) -> Stored:
        """R^label as it is stored, (n_i, M, F/M); it is downloaded first if it is not here.

        Raises:
            UnknownCodebookError: it is not here, and the server holds another codebook by now.
            DscError: it is not here, and the server does not answer, or sends something else.
            OSError: the cache cannot be written.
        """
        return self._words([label])[0]

    def prepare(self, labels: Sequence[int]) -> None:
        """Map the words of some partitions, and download those that are not here, over one connection.

        Errors are those of `stored`.
        """
        self._words(labels)

    def _words(self, labels: Sequence[int]) -> list[Stored]:
        found = {label: self._mapped.get(label) for label in labels}
        new = [label for label, words in found.items() if words is None]
        try:
            mapped = self._new_words(new)
        except (DamagedIndexError, FileNotFoundError):  # another process may have removed a file meanwhile
            mapped = self._new_words(new)
        for label, words in mapped.items():
            self._mapped.put(label, words)
        known = {label: words for label, words in found.items() if words is not None} | mapped
        return [known[label] for label in labels]

    def _new_words(self, labels: Sequence[int]) -> dict[int, Stored]:
        wanted = {label: Wanted.words(self._parts.subcodebooks[label]) for label in labels}
        missing = [file for file in wanted.values() if self._cache.verified(file) is None]
        if missing:
            with self._connect() as client:
                self._cache.get(client, self._version, missing)
        return {label: self._map(label, file) for label, file in wanted.items()}

    def _map(self, label: int, file: Wanted) -> Stored:
        num_words = int(self.offsets[label + 1] - self.offsets[label])
        shape = (num_words, self.num_subvectors, self.dim // self.num_subvectors)
        words = map_words(self._cache.path_of(file), shape)
        if (words.dtype == np.int8) != bool(self.scales.size):
            raise DamagedIndexError(f"a sub-codebook does not fit: its words are {words.dtype}")
        return words
