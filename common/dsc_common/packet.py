"""The DSC packet x = [h, e_1, …, e_T] as bytes (eq. 12).

Layout, most significant bit first: T labels of ⌈log2 K⌉ bits, most likely label first; the check bits of
the head codec; zeros up to a whole byte; then e_1 … e_T, each M sub-codewords of L bits, padded to a whole
byte. With K = 1000, T = 5, M = 8, L = 8: 50 + 6 bits in 7 bytes, then 5 · 8 bytes: 47 bytes.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dsc_common.bits import bits_from_bytes, bits_from_numbers, bytes_from_bits, numbers_from_bits
from dsc_common.checks import CRC6_BITS, crc6
from dsc_common.errors import InvalidInputError

MAX_LABELS = 1 << 20
MAX_HEAD_LABELS = 4096
MAX_SUBVECTORS = 4096
MAX_BITS_PER_SUBVECTOR = 8


class HeadCodec(StrEnum):
    """How the label bits of the head are protected."""

    ZERO = "zero"  # the paper: nothing but the padding
    CRC6 = "crc6"


@dataclass(frozen=True)
class PacketFormat:
    """Shape of a packet: K labels, T of them in the head, M sub-vectors of L bits in each code."""

    num_labels: int = 1000
    head_labels: int = 5
    num_subvectors: int = 8
    bits_per_subvector: int = 8
    head_codec: HeadCodec = HeadCodec.CRC6

    def __post_init__(self) -> None:
        _require("K (labels)", self.num_labels, 1, MAX_LABELS)
        _require("T (labels in the head)", self.head_labels, 1, min(self.num_labels, MAX_HEAD_LABELS))
        _require("M (sub-vectors)", self.num_subvectors, 1, MAX_SUBVECTORS)
        _require("L (bits per sub-vector)", self.bits_per_subvector, 1, MAX_BITS_PER_SUBVECTOR)

    @property
    def key(self) -> str:
        """The shape in one word, for whatever is named by content."""
        return (
            f"K{self.num_labels}-T{self.head_labels}-M{self.num_subvectors}"
            f"-L{self.bits_per_subvector}-{self.head_codec}"
        )

    @property
    def label_bits(self) -> int:
        """Bits of one label: ⌈log2 K⌉, at least 1."""
        return max(1, (self.num_labels - 1).bit_length())

    @property
    def check_bits(self) -> int:
        """Check bits behind the labels."""
        return CRC6_BITS if self.head_codec is HeadCodec.CRC6 else 0

    @property
    def head_bytes(self) -> int:
        """Bytes of the head h."""
        return -(-(self.head_labels * self.label_bits + self.check_bits) // 8)

    @property
    def code_bytes(self) -> int:
        """Bytes of one code e_t."""
        return -(-self.num_subvectors * self.bits_per_subvector // 8)

    @property
    def packet_bytes(self) -> int:
        """Bytes of the whole packet: 47 by default."""
        return self.head_bytes + self.head_labels * self.code_bytes


@dataclass(frozen=True, eq=False)
class Packet:
    """What a packet says.

    Attributes:
        labels: (T,) int64, the head, most likely label first.
        codes: (T, M) uint8, row t is e_t.
    """

    labels: NDArray[np.int64]
    codes: NDArray[np.uint8]


def _require(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidInputError(f"expected {name} from {low} to {high}, got {value}")


def require_length(data: bytes, fmt: PacketFormat) -> None:
    """Raise InvalidInputError unless `data` has the length of a packet."""
    if len(data) != fmt.packet_bytes:
        raise InvalidInputError(f"expected a packet of {fmt.packet_bytes} bytes, got {len(data)}")


def require_head(labels: NDArray[np.int64], fmt: PacketFormat) -> None:
    """Raise InvalidInputError unless the head holds T different labels of 0..K-1."""
    if labels.shape != (fmt.head_labels,):
        raise InvalidInputError(f"expected a head of {fmt.head_labels} labels, got {labels.size}")
    for label in labels.tolist():
        if not 0 <= label < fmt.num_labels:
            raise InvalidInputError(f"expected labels from 0 to {fmt.num_labels - 1}, got {label}")
    if len(set(labels.tolist())) < fmt.head_labels:
        raise InvalidInputError(f"expected {fmt.head_labels} different labels, got {labels.tolist()}")


def _head_bits(labels: NDArray[np.int64], fmt: PacketFormat) -> NDArray[np.uint8]:
    bits = bits_from_numbers(labels, fmt.label_bits)
    if fmt.head_codec is HeadCodec.CRC6:
        bits = np.concatenate([bits, bits_from_numbers(np.array([crc6(bits)]), CRC6_BITS)])
    return bits


def pack(packet: Packet, fmt: PacketFormat) -> bytes:
    """Packet → bytes (eq. 12).

    Raises:
        InvalidInputError: labels out of range or repeated, codes of the wrong shape or beyond 2^L - 1.
    """
    require_head(packet.labels, fmt)
    shape = (fmt.head_labels, fmt.num_subvectors)
    if packet.codes.shape != shape:
        raise InvalidInputError(f"expected codes of shape {shape}, got {packet.codes.shape}")
    if packet.codes.size and int(packet.codes.max()) >> fmt.bits_per_subvector:
        raise InvalidInputError(
            f"expected sub-codewords below {1 << fmt.bits_per_subvector}, got {int(packet.codes.max())}"
        )
    head = bytes_from_bits(_head_bits(packet.labels, fmt))
    codes = [bytes_from_bits(bits_from_numbers(code, fmt.bits_per_subvector)) for code in packet.codes]
    return head + b"".join(codes)


def unpack(data: bytes, fmt: PacketFormat) -> Packet:
    """Bytes → packet; the inverse of `pack`.

    Any bytes of the right length decode: noise can make labels repeat or exceed K - 1 (`require_head`
    tells), and the check bits disagree (`head_check_ok` tells).

    Raises:
        InvalidInputError: the length is wrong.
    """
    require_length(data, fmt)
    bits = bits_from_bytes(data)
    labels = numbers_from_bits(bits[: fmt.head_labels * fmt.label_bits], fmt.label_bits)
    codes = bits[8 * fmt.head_bytes :].reshape(fmt.head_labels, 8 * fmt.code_bytes)
    used = codes[:, : fmt.num_subvectors * fmt.bits_per_subvector]
    numbers = numbers_from_bits(used.reshape(-1), fmt.bits_per_subvector)
    return Packet(labels, numbers.reshape(fmt.head_labels, fmt.num_subvectors).astype(np.uint8))


def head_check_ok(data: bytes, fmt: PacketFormat) -> bool:
    """Whether the head's check bits and padding are those of its labels."""
    require_length(data, fmt)
    labels = unpack(data, fmt).labels
    return data[: fmt.head_bytes] == bytes_from_bits(_head_bits(labels, fmt))
