"""The shape of a packet: K, T, M, L, head codec and payload, and the sizes that follow from them (eq. 12)."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from dsc_common.errors import InvalidInputError
from dsc_common.packet.combinadic import set_bits
from dsc_common.packet.crc import CRC6_BITS, CRC13_BITS

MAX_LABELS = 1 << 20
MAX_HEAD_LABELS = 4096
MAX_SUBVECTORS = 4096
MAX_FEATURE_DIM = 1 << 16
FLOAT_BYTES = 4
MAX_BITS_PER_SUBVECTOR = 8
MAX_SET_BITS = 62


class HeadCodec(StrEnum):
    """How the label bits of the head are protected."""

    ZERO = "zero"  # the paper: only padding, no check bits
    CRC6 = "crc6"
    SET = "set"  # thirteen check bits in place of the order of the labels


class Payload(StrEnum):
    """Content of the packet after the head."""

    CODES = "codes"  # one code per label of the head: the paper
    CODE = "code"  # one code for all labels
    FEATURE = "feature"  # the feature itself


@dataclass(frozen=True)
class PacketFormat:
    """Shape of a packet: K labels (partitions), T of them in the head, M sub-vectors of L bits in each code.

    `payload_dim` is D of a `feature` payload, and 0 for other payloads. With `scrambled` each code of a
    `codes` payload is masked with words that depend on its label.
    """

    num_partitions: int = 1000
    head_labels: int = 5
    num_subvectors: int = 8
    bits_per_subvector: int = 8
    head_codec: HeadCodec = HeadCodec.CRC6
    payload: Payload = Payload.CODES
    payload_dim: int = 0
    scrambled: bool = False

    def __post_init__(self) -> None:
        _require("K (labels)", self.num_partitions, 1, MAX_LABELS)
        _require("T (labels in the head)", self.head_labels, 1, min(self.num_partitions, MAX_HEAD_LABELS))
        _require("M (sub-vectors)", self.num_subvectors, 1, MAX_SUBVECTORS)
        _require("L (bits per sub-vector)", self.bits_per_subvector, 1, MAX_BITS_PER_SUBVECTOR)
        sends_feature = self.payload is Payload.FEATURE
        _require("F (of the payload)", self.payload_dim, int(sends_feature), MAX_FEATURE_DIM * sends_feature)
        if self.scrambled and self.payload is not Payload.CODES:
            raise InvalidInputError(
                f"expected a codes payload to scramble, one code per label, got {self.payload}"
            )
        if self.head_codec is HeadCodec.SET:
            _require(
                "bits of a set's number", set_bits(self.num_partitions, self.head_labels), 0, MAX_SET_BITS
            )

    @property
    def key(self) -> str:
        """The shape as one string, for names that depend on content."""
        return (
            f"K{self.num_partitions}-T{self.head_labels}-M{self.num_subvectors}"
            f"-L{self.bits_per_subvector}-{self.head_codec}-{self.payload}-F{self.payload_dim}"
            + ("-scrambled" if self.scrambled else "")
        )

    @cached_property
    def label_bits(self) -> int:
        """Bits of one label: ⌈log2 K⌉."""
        return (self.num_partitions - 1).bit_length()

    @cached_property
    def message_bits(self) -> int:
        """Bits of all labels of the head together, without check bits."""
        if self.head_codec is HeadCodec.SET:
            return set_bits(self.num_partitions, self.head_labels)
        return self.head_labels * self.label_bits

    @cached_property
    def check_bits(self) -> int:
        """Number of check bits after the labels."""
        count = {HeadCodec.ZERO: 0, HeadCodec.CRC6: CRC6_BITS, HeadCodec.SET: CRC13_BITS}[self.head_codec]
        return count if self.message_bits else 0

    @cached_property
    def num_codes(self) -> int:
        """Codes of the payload: T, 1 or 0."""
        return {Payload.CODES: self.head_labels, Payload.CODE: 1, Payload.FEATURE: 0}[self.payload]

    @cached_property
    def head_bytes(self) -> int:
        """Bytes of the head h."""
        return -(-(self.message_bits + self.check_bits) // 8)

    @cached_property
    def code_bytes(self) -> int:
        """Bytes of one code e_t."""
        return -(-self.num_subvectors * self.bits_per_subvector // 8)

    @cached_property
    def packet_bytes(self) -> int:
        """Bytes of the whole packet: 47 by default."""
        return self.head_bytes + self.num_codes * self.code_bytes + FLOAT_BYTES * self.payload_dim


def _require(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidInputError(f"expected {name} from {low} to {high}, got {value}")
