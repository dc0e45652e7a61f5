"""5G LDPC code of one block of bits at any number of coded bits (3GPP TS 38.212, sections 5.3.2 and 5.4.2.1).

The code itself, its encoder and its belief propagation come from Sionna. Rate matching is that of redundancy
version 0: coded bit i is bit i mod N of the circular buffer, which is the codeword of the base graph without
its first 2 Z bits and its filler bits. Sionna reads at most 5 k coded bits (base graph 1: 3 k) of it; for
more, the whole buffer is assembled from redundancy versions 0, 2 and 3, and then repeated.

The CRC bits of the standard and its segmentation above 8448 bits are left out. Blocks of fewer than 40 bits
within three bits of the highest rate are not always decodable, even without noise: a property of the code,
which never sends 2 Z of its bits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError

if TYPE_CHECKING:
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

MIN_BITS, MAX_BITS = 12, 8448
ITERATIONS = 20
MAX_LLR = 20.0  # Sionna clips all messages, and its output, to this
_MAX_RATE = 948, 1024  # TS 38.212, section 5.4.2.1, and TS 38.214, table 5.1.3.1-2
_BASE_GRAPH_2_MAX_BITS = 3824
_CODES_KEPT = 16


@dataclass(frozen=True)
class _Code:
    """Code of k bits whose coded bits are read in turn from a buffer of N bits, n₀ of them per version.

    Attributes:
        versions: (V,) redundancy versions that together cover the buffer; only 0 if n ≤ n₀.
        positions: (V, n₀) int64, position in the buffer of each bit of a version.
        first: (V, n₀) bool, whether no earlier version has that bit.
        buffer_length: N; n if one version is enough.
    """

    encoder: "LDPC5GEncoder"
    decoder: "LDPC5GDecoder"
    versions: list[int]
    positions: NDArray[np.int64]
    first: NDArray[np.bool_]
    buffer_length: int

    def encode(self, bits: NDArray[np.float32]) -> NDArray[np.uint8]:
        """(k,) → (N,): the buffer."""
        torch = _libraries()[0]
        with _one_thread(torch), torch.no_grad():
            words = self.encoder(torch.from_numpy(bits[None]), rv=self.versions)[0]
        buffer = np.empty(self.buffer_length, dtype=np.uint8)
        buffer[self.positions] = words.numpy().astype(np.uint8)
        return buffer

    def decode(self, llrs: NDArray[np.float64]) -> NDArray[np.float64]:
        """(B, N) LLRs of the buffer → (B, k); Sionna's LLRs are log P(1)/P(0)."""
        torch = _libraries()[0]
        signs = np.where(self.first, -1.0, 0.0)
        observed = torch.from_numpy((llrs[:, self.positions] * signs).astype(np.float32))
        with _one_thread(torch), torch.no_grad():
            if len(self.versions) == 1:
                logits = self.decoder(observed[:, 0])
            else:
                logits = self.decoder(observed, rv=self.versions)
        decoded: NDArray[np.float32] = logits.numpy()
        return -decoded.astype(np.float64)


def ldpc_encode(bits: NDArray[np.uint8], num_coded: int) -> NDArray[np.uint8]:
    """(k,) uint8 of 0 and 1 → (num_coded,) uint8 of 0 and 1.

    Raises:
        InvalidInputError: no such code (see `check_ldpc_size`), or Sionna is not installed.
    """
    buffer = _code(bits.size, num_coded).encode(bits.astype(np.float32))
    return buffer[np.arange(num_coded) % buffer.size]


def ldpc_decode(llrs: NDArray[np.float64], num_bits: int) -> NDArray[np.float64]:
    """(B, n) float64 log P(0)/P(1) of coded bits → (B, num_bits) float64 log P(0)/P(1), within ±20.

    Belief propagation with the flooding schedule, 20 iterations in single precision; deterministic. Several
    threads may call it at once; each uses one thread of torch, since blocks are small.

    Raises:
        InvalidInputError: as for `ldpc_encode`.
    """
    code = _code(num_bits, llrs.shape[1])
    return code.decode(accumulate(llrs, code.buffer_length))


def accumulate(llrs: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """(B, n) LLRs of `period` bits that are repeated cyclically → (B, period): their sums."""
    blocks, count = llrs.shape
    turns = -(-count // period)
    padded = np.zeros((blocks, turns * period))
    padded[:, :count] = llrs
    sums: NDArray[np.float64] = padded.reshape(blocks, turns, period).sum(axis=1)
    return sums


def check_ldpc_size(num_bits: int, num_coded: int) -> None:
    """Check the limits of 5G LDPC: 12 to 8448 bits, a code rate up to 948/1024; needs no library.

    Raises:
        InvalidInputError: there is no code for num_bits at num_coded bits.
    """
    if not MIN_BITS <= num_bits <= MAX_BITS:
        raise InvalidInputError(f"5G LDPC codes {MIN_BITS} to {MAX_BITS} bits, got {num_bits}")
    numerator, denominator = _MAX_RATE
    least = -(-num_bits * denominator // numerator)
    if num_coded < least:
        raise InvalidInputError(
            f"expected at least {least} coded bits for {num_bits} bits with 5G LDPC, got {num_coded}"
        )


@lru_cache(maxsize=_CODES_KEPT)
def _code(num_bits: int, num_coded: int) -> _Code:
    """The code of k and n bits, built once (0.1 s) and cached."""
    check_ldpc_size(num_bits, num_coded)
    ldpc = _libraries()[1]
    most = (5 if num_bits <= _BASE_GRAPH_2_MAX_BITS else 3) * num_bits
    repeats = num_coded > most
    versions = [0, 2, 3] if repeats else [0]
    encoder = ldpc.LDPC5GEncoder(num_bits, min(num_coded, most), device="cpu", precision="single")
    decoder = ldpc.LDPC5GDecoder(
        encoder,
        hard_out=False,
        num_iter=ITERATIONS,
        llr_max=MAX_LLR,
        harq_mode=repeats,
        device="cpu",
        precision="single",
    )
    length = encoder.n_cb_comp if repeats else num_coded
    starts = np.array(encoder.get_start_positions_comp(versions), dtype=np.int64)
    positions = (starts[:, None] + np.arange(encoder.n)) % length
    first = np.zeros(positions.shape, dtype=np.bool_)
    first.flat[np.unique(positions, return_index=True)[1]] = True
    code = _Code(encoder, decoder, versions, positions, first, length)
    # Sionna's blocks finish their construction at their first call, which must not happen in two threads.
    code.decode(np.ones((1, length)) - 2.0 * code.encode(np.zeros(num_bits, dtype=np.float32)))
    return code


def _libraries() -> tuple[ModuleType, ModuleType]:
    """torch, and Sionna's LDPC codes; loaded at first use, since both are heavy."""
    try:
        import torch  # noqa: PLC0415 (an extra, and slow to load)
        from sionna.phy.fec import ldpc  # noqa: PLC0415 (an extra, and slow to load)
    except ImportError as error:
        raise InvalidInputError(
            "5G LDPC needs a library that is not installed: pip install 'deep-semantic-coding[fec]'"
        ) from error
    return torch, ldpc


@contextmanager
def _one_thread(torch: ModuleType) -> Iterator[None]:
    """Limit torch to the calling thread; its number of threads is a setting per thread."""
    previous_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(previous_threads)
