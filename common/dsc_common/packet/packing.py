"""The DSC packet x = [h, e_1, …, e_T] as bytes (eq. 12), and its variants with other payloads.

Layout, most significant bit first: T labels of ⌈log2 K⌉ bits, most likely label first (or, with the head
codec `set`, the number of their set in ⌈log2 C(K, T)⌉ bits); the check bits of the head codec; zeros up to
a whole byte; then the payload:

- `codes` (the paper): e_1 … e_T, each M sub-codewords of L bits, padded to a whole byte. With K = 1000,
  T = 5, M = 8, L = 8: 50 + 6 bits in 7 bytes, then 5 · 8 bytes: 47 bytes.
- `code`: one such code for all labels together; with M = 40 the packet has 47 bytes again.
- `feature`: F numbers, float32, little-endian.

In a scrambled packet each code is masked with words that depend on its label. With K = 1 there is no head:
the only label is 0.
"""

from dataclasses import dataclass, field
from math import comb

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.packet.bits import bits_from_bytes, bits_from_numbers, bytes_from_bits, numbers_from_bits
from dsc_common.packet.combinadic import number_to_set, set_to_number
from dsc_common.packet.crc import crc6, crc13
from dsc_common.packet.format import HeadCodec, PacketFormat, Payload
from dsc_common.packet.scrambling import mask_words


@dataclass(frozen=True, eq=False)
class Packet:
    """Content of a packet.

    Attributes:
        labels: (T,) int64, the head, most likely label first; ascending if the head is a set.
        codes: (T, M) uint8, row t is e_t, not scrambled; (1, M) or (0, M) with the other payloads.
        feature: (F,) float32, empty unless it is the payload.
    """

    labels: NDArray[np.int64]
    codes: NDArray[np.uint8]
    feature: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))


def require_length(data: bytes, fmt: PacketFormat) -> None:
    """Raise InvalidInputError unless `data` has the length of a packet."""
    if len(data) != fmt.packet_bytes:
        raise InvalidInputError(f"expected a packet of {fmt.packet_bytes} bytes, got {len(data)}")


def require_head(labels: NDArray[np.int64], fmt: PacketFormat) -> None:
    """Raise InvalidInputError unless the head holds T different labels of 0..K-1."""
    if labels.shape != (fmt.head_labels,):
        raise InvalidInputError(f"expected a head of {fmt.head_labels} labels, got {labels.size}")
    for label in labels.tolist():
        if not 0 <= label < fmt.num_partitions:
            raise InvalidInputError(f"expected labels from 0 to {fmt.num_partitions - 1}, got {label}")
    if len(set(labels.tolist())) < fmt.head_labels:
        raise InvalidInputError(f"expected {fmt.head_labels} different labels, got {labels.tolist()}")


def message_from_labels(labels: NDArray[np.int64], fmt: PacketFormat) -> NDArray[np.uint8]:
    """(T,) different labels of 0..K-1 → (message_bits,) uint8: the head without its check bits."""
    if fmt.head_codec is HeadCodec.SET:
        return bits_from_numbers(np.array([set_to_number(labels.tolist())]), fmt.message_bits)
    return bits_from_numbers(labels, fmt.label_bits)


def labels_from_message(bits: NDArray[np.uint8], fmt: PacketFormat) -> NDArray[np.int64]:
    """(message_bits,) uint8 → (T,) int64 labels; the inverse of `message_from_labels`.

    A number that belongs to no set gives T times the label K, which does not exist.
    """
    if not fmt.message_bits and fmt.head_codec is not HeadCodec.SET:
        return np.zeros(fmt.head_labels, dtype=np.int64)
    if fmt.head_codec is not HeadCodec.SET:
        return numbers_from_bits(bits, fmt.label_bits)
    number = int(numbers_from_bits(bits, fmt.message_bits)[0]) if fmt.message_bits else 0
    if number >= comb(fmt.num_partitions, fmt.head_labels):
        return np.full(fmt.head_labels, fmt.num_partitions, dtype=np.int64)
    return np.array(number_to_set(number, fmt.num_partitions, fmt.head_labels), dtype=np.int64)


def check_of(message: NDArray[np.uint8], fmt: PacketFormat) -> NDArray[np.uint8]:
    """(message_bits,) → (check_bits,) uint8: the check bits of a head."""
    if not fmt.check_bits:
        return np.zeros(0, dtype=np.uint8)
    remainder = crc13(message) if fmt.head_codec is HeadCodec.SET else crc6(message)
    return bits_from_numbers(np.array([remainder]), fmt.check_bits)


def _head_bits(labels: NDArray[np.int64], fmt: PacketFormat) -> NDArray[np.uint8]:
    message = message_from_labels(labels, fmt)
    return np.concatenate([message, check_of(message, fmt)])


def _masked(codes: NDArray[np.uint8], labels: NDArray[np.int64], fmt: PacketFormat) -> NDArray[np.uint8]:
    """Scrambled codes → plain codes, and back."""
    if not fmt.scrambled:
        return codes
    return codes ^ mask_words(labels, fmt.num_subvectors, fmt.bits_per_subvector)


def pack(packet: Packet, fmt: PacketFormat) -> bytes:
    """Packet → bytes (eq. 12); if the head is a set, labels and their codes are sent in ascending order.

    Raises:
        InvalidInputError: labels out of range or repeated, codes of the wrong shape or beyond 2^L - 1.
    """
    require_head(packet.labels, fmt)
    shape = (fmt.num_codes, fmt.num_subvectors)
    if packet.codes.shape != shape:
        raise InvalidInputError(f"expected codes of shape {shape}, got {packet.codes.shape}")
    if packet.codes.size and int(packet.codes.max()) >> fmt.bits_per_subvector:
        raise InvalidInputError(
            f"expected sub-codewords below {1 << fmt.bits_per_subvector}, got {int(packet.codes.max())}"
        )
    if packet.feature.shape != (fmt.payload_dim,):
        raise InvalidInputError(f"expected a feature of {fmt.payload_dim} numbers, got {packet.feature.size}")
    labels, codes = packet.labels, packet.codes
    if fmt.head_codec is HeadCodec.SET:
        order = np.argsort(labels, kind="stable")
        labels = labels[order]
        codes = codes[order] if fmt.payload is Payload.CODES else codes
    head = bytes_from_bits(_head_bits(labels, fmt))
    bits = bits_from_numbers(_masked(codes, labels, fmt).reshape(-1), fmt.bits_per_subvector)
    bits = bits.reshape(fmt.num_codes, fmt.num_subvectors * fmt.bits_per_subvector)
    packed = np.packbits(bits, axis=1)  # each code ends with a whole byte
    return head + packed.tobytes() + packet.feature.astype("<f4").tobytes()


def unpack(data: bytes, fmt: PacketFormat) -> Packet:
    """Bytes → packet; the inverse of `pack`.

    Any bytes of the right length decode. Noise can make labels repeat or exceed K - 1 (see `require_head`),
    and check bits disagree (see `head_check_ok`).

    Raises:
        InvalidInputError: the length is wrong.
    """
    require_length(data, fmt)
    bits = bits_from_bytes(data)
    labels = labels_from_message(bits[: fmt.message_bits], fmt)
    end = fmt.head_bytes + fmt.num_codes * fmt.code_bytes
    codes = bits[8 * fmt.head_bytes : 8 * end].reshape(fmt.num_codes, 8 * fmt.code_bytes)
    used = codes[:, : fmt.num_subvectors * fmt.bits_per_subvector]
    numbers = numbers_from_bits(used.reshape(-1), fmt.bits_per_subvector)
    feature = np.frombuffer(data, dtype="<f4", offset=end).astype(np.float32)
    received = numbers.reshape(fmt.num_codes, fmt.num_subvectors).astype(np.uint8)
    return Packet(labels, _masked(received, labels, fmt), feature)


def head_check_ok(data: bytes, fmt: PacketFormat) -> bool:
    """Whether the check bits and the padding of the head agree with its labels."""
    require_length(data, fmt)
    message = bits_from_bytes(data)[: fmt.message_bits]
    if fmt.head_codec is HeadCodec.SET and labels_from_message(message, fmt).max() >= fmt.num_partitions:
        return False
    return data[: fmt.head_bytes] == bytes_from_bits(np.concatenate([message, check_of(message, fmt)]))
