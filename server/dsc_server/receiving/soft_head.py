"""The soft bits of a head, with all that follows from them alone: computed once for several posteriors."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.format import PacketFormat
from dsc_server.receiving.code_posterior import index_signs
from dsc_server.receiving.decoded_packet import DecodedHead
from dsc_server.receiving.head_list import HeadCandidate, head_candidates, read_head_hard


@dataclass(frozen=True, eq=False)
class SoftHead:
    """The soft bits of a head.

    Attributes:
        llrs: (8 · head_bytes,) float64 within ±LLR_LIMIT, log P(0) / P(1) of each bit.
        format: the packet's shape.
    """

    llrs: NDArray[np.float64]
    format: PacketFormat

    @cached_property
    def hard(self) -> DecodedHead:
        """The head with hard decisions."""
        return read_head_hard(self.llrs, self.format)

    @cached_property
    def candidates(self) -> list[HeadCandidate]:
        """Possible heads whose check bits agree, most likely first (list decoding)."""
        return list(head_candidates(self.llrs, self.format))

    @property
    def check_llrs(self) -> NDArray[np.float64]:
        """(check_bits,) float64: the soft check bits."""
        start = self.format.message_bits
        return self.llrs[start : start + self.format.check_bits]

    @property
    def _by_slot(self) -> NDArray[np.float64]:
        """(T, B): soft bits of each label, for head codecs with slots."""
        fmt = self.format
        return self.llrs[: fmt.message_bits].reshape(fmt.head_labels, fmt.label_bits)

    @cached_property
    def likelihoods(self) -> NDArray[np.float64]:
        """(T, K): P(soft bits of slot t | label k), relative to the most likely bits.

        Bits are independent: the likelihood of the first half of a label's bits times that of the rest. No
        row underflows: one bit, the first, turns any label beyond K into one below.
        """
        fmt, half = self.format, (self.format.label_bits + 1) // 2
        bits = np.zeros((fmt.head_labels, 2 * half))
        bits[:, 2 * half - fmt.label_bits :] = 0.5 * self._by_slot  # before an odd number, a bit that is 0
        halves = bits.reshape(-1, half)
        tables = np.exp(halves @ index_signs(half).T - np.abs(halves).sum(axis=1, keepdims=True))
        products: NDArray[np.float64] = (tables[::2, :, None] * tables[1::2, None]).reshape(
            fmt.head_labels, -1
        )
        return products[:, : fmt.num_partitions]

    @property
    def log_likelihoods(self) -> NDArray[np.float64]:
        """(T, K): log P(soft bits of slot t | label k), up to a constant in each row."""
        signs = index_signs(self.format.label_bits)[: self.format.num_partitions]
        return np.asarray(0.5 * (self._by_slot @ signs.T))
