"""The packet: golden bytes made by hand, round trips for any format, and what is refused."""

import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import HeadCodec, PacketFormat, Payload
from dsc_common.packet.packing import Packet, head_check_ok, pack, require_head, unpack
from helpers.strategies import formats, num_codes, packet_for, packets

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "packets.json").read_text())["packets"]
CASES = [
    pytest.param(entry, codec, id=f"{entry['name']}, {codec}")
    for entry in GOLDEN
    for codec in HeadCodec
    if codec in entry
]
DEFAULT = PacketFormat()


def make(labels: list[int], codes: list[list[int]]) -> Packet:
    return Packet(np.array(labels, dtype=np.int64), np.array(codes, dtype=np.uint8))


def example(labels: list[int] | None = None) -> Packet:
    return make(labels or [497, 3, 999, 0, 512], [[t] * 8 for t in range(5)])


@pytest.mark.parametrize(("entry", "codec"), CASES)
def test_golden_packets(entry: dict[str, Any], codec: HeadCodec) -> None:
    payload = Payload(entry["format"].get("payload", "codes"))
    fmt = PacketFormat(**{**entry["format"], "payload": payload}, head_codec=codec)
    data = bytes.fromhex(entry[codec])
    feature = np.array(entry.get("feature", []), dtype=np.float32)
    assert fmt.packet_bytes == len(data)
    assert pack(packet_for(fmt, entry["labels"], entry["codes"], entry.get("feature", [])), fmt) == data
    read = unpack(data, fmt)
    assert read.labels.tolist() == entry["labels"]
    assert read.codes.tolist() == entry["codes"]
    assert read.feature.tobytes() == feature.tobytes()
    assert head_check_ok(data, fmt)


def test_the_default_packet_has_47_bytes() -> None:
    assert (DEFAULT.head_bytes, DEFAULT.code_bytes, DEFAULT.packet_bytes) == (7, 8, 47)
    assert DEFAULT.head_codec is HeadCodec.CRC6
    assert PacketFormat(head_codec=HeadCodec.ZERO).packet_bytes == 47
    a_set = PacketFormat(head_codec=HeadCodec.SET)
    assert (a_set.message_bits, a_set.check_bits, a_set.head_bytes, a_set.packet_bytes) == (43, 13, 7, 47)
    assert PacketFormat(scrambled=True).packet_bytes == 47


@given(formats())
def test_sizes_by_the_same_rule(fmt: PacketFormat) -> None:
    label_bits = next(bits for bits in itertools.count() if 2**bits >= fmt.num_partitions)
    sets = math.comb(fmt.num_partitions, fmt.head_labels)
    set_bits = next(bits for bits in itertools.count() if 2**bits >= sets)
    message_bits = set_bits if fmt.head_codec is HeadCodec.SET else fmt.head_labels * label_bits
    check_bits = {HeadCodec.ZERO: 0, HeadCodec.CRC6: 6, HeadCodec.SET: 13}[fmt.head_codec]
    head_bits = message_bits + (check_bits if message_bits else 0)
    head_bytes = next(count for count in itertools.count() if 8 * count >= head_bits)
    code_bits = fmt.num_subvectors * fmt.bits_per_subvector
    code_bytes = next(count for count in itertools.count(1) if 8 * count >= code_bits)
    assert fmt.packet_bytes == head_bytes + num_codes(fmt) * code_bytes + 4 * fmt.payload_dim


def test_what_the_schemes_send_has_the_size_of_the_paper() -> None:
    shared = PacketFormat(num_subvectors=40, payload=Payload.CODE)
    assert (shared.head_bytes, shared.num_codes, shared.packet_bytes) == (7, 1, 47)
    headless = PacketFormat(num_partitions=1, head_labels=1, num_subvectors=40)
    assert (headless.label_bits, headless.check_bits, headless.head_bytes) == (0, 0, 0)
    assert headless.packet_bytes == 40
    raw = PacketFormat(payload=Payload.FEATURE, payload_dim=1280)
    assert (raw.head_bytes, raw.num_codes, raw.packet_bytes) == (7, 0, 7 + 4 * 1280)


def test_every_part_of_the_shape_is_in_its_key() -> None:
    formats = [
        DEFAULT,
        PacketFormat(num_partitions=999),
        PacketFormat(head_labels=4),
        PacketFormat(num_subvectors=40),
        PacketFormat(bits_per_subvector=4),
        PacketFormat(head_codec=HeadCodec.ZERO),
        PacketFormat(head_codec=HeadCodec.SET),
        PacketFormat(scrambled=True),
        PacketFormat(payload=Payload.CODE),
        PacketFormat(payload=Payload.FEATURE, payload_dim=1),
        PacketFormat(payload=Payload.FEATURE, payload_dim=11),
    ]
    assert len({fmt.key for fmt in formats}) == len(formats)


@given(packets())
def test_pack_and_unpack_round_trip(case: tuple[PacketFormat, Packet]) -> None:
    fmt, packet = case
    data = pack(packet, fmt)
    assert len(data) == fmt.packet_bytes
    read = unpack(data, fmt)
    assert read.labels.tolist() == packet.labels.tolist()
    assert read.codes.tolist() == packet.codes.tolist()
    assert read.codes.dtype == np.uint8
    assert read.codes.shape == (num_codes(fmt), fmt.num_subvectors)
    assert read.feature.dtype == np.float32
    assert read.feature.tobytes() == packet.feature.tobytes()
    assert head_check_ok(data, fmt)
    require_head(read.labels, fmt)


@given(st.data())
def test_any_bytes_of_the_right_length_unpack(data: st.DataObject) -> None:
    fmt = data.draw(formats())
    noise = data.draw(st.binary(min_size=fmt.packet_bytes, max_size=fmt.packet_bytes))
    packet = unpack(noise, fmt)
    assert packet.labels.shape == (fmt.head_labels,)
    assert packet.codes.shape == (num_codes(fmt), fmt.num_subvectors)
    assert packet.feature.shape == (fmt.payload_dim,)
    assert (packet.labels >= 0).all()
    most = fmt.num_partitions if fmt.head_codec is HeadCodec.SET else 2**fmt.label_bits - 1
    assert (packet.labels <= most).all()
    assert (packet.codes < 2**fmt.bits_per_subvector).all()
    assert isinstance(head_check_ok(noise, fmt), bool)


@pytest.mark.parametrize("wrong", [1, 2])
def test_crc6_sees_every_one_and_two_wrong_bits_of_the_head(wrong: int) -> None:
    data = pack(example(), DEFAULT)
    head = int.from_bytes(data[:7])
    for places in itertools.combinations(range(56), wrong):
        hit = head
        for place in places:
            hit ^= 1 << place
        assert not head_check_ok(hit.to_bytes(7) + data[7:], DEFAULT)


def test_the_zero_codec_sees_errors_in_its_six_zeros_only() -> None:
    fmt = PacketFormat(head_codec=HeadCodec.ZERO)
    data = pack(example(), fmt)
    for place in range(56):
        hit = (int.from_bytes(data[:7]) ^ 1 << place).to_bytes(7) + data[7:]
        assert head_check_ok(hit, fmt) == (place >= 6)


def test_errors_in_the_codes_do_not_concern_the_head() -> None:
    data = bytearray(pack(example(), DEFAULT))
    data[7:] = b"\xff" * 40
    assert head_check_ok(bytes(data), DEFAULT)


@pytest.mark.parametrize("length", [0, 1, 46, 48, 94])
def test_a_wrong_length_is_refused(length: int) -> None:
    line = re.escape(f"expected a packet of 47 bytes, got {length}")
    for read in (unpack, head_check_ok):
        with pytest.raises(InvalidInputError, match=f"^{line}$"):
            read(bytes(length), DEFAULT)


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        ([1, 2, 3, 4, 1000], "expected labels from 0 to 999, got 1000"),
        ([1023, 2, 3, 4, 5], "expected labels from 0 to 999, got 1023"),
        ([-1, 2, 3, 4, 5], "expected labels from 0 to 999, got -1"),
        ([1, 2, 3, 4, 1], "expected 5 different labels, got [1, 2, 3, 4, 1]"),
        ([7, 7, 7, 7, 7], "expected 5 different labels, got [7, 7, 7, 7, 7]"),
        ([1, 2, 3, 4], "expected a head of 5 labels, got 4"),
        ([1, 2, 3, 4, 5, 6], "expected a head of 5 labels, got 6"),
    ],
)
def test_a_bad_head_is_refused(labels: list[int], line: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{re.escape(line)}$"):
        require_head(np.array(labels), DEFAULT)
    with pytest.raises(InvalidInputError, match=f"^{re.escape(line)}$"):
        pack(example(labels), DEFAULT)


def test_codes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"^expected codes of shape \(5, 8\), got \(5, 7\)$"):
        pack(make([1, 2, 3, 4, 5], [[0] * 7] * 5), DEFAULT)
    with pytest.raises(InvalidInputError, match=r"^expected sub-codewords below 16, got 16$"):
        pack(make([1, 2, 3, 4, 5], [[16] * 8] * 5), PacketFormat(bits_per_subvector=4))


def test_a_feature_of_the_wrong_length_is_refused() -> None:
    fmt = PacketFormat(payload=Payload.FEATURE, payload_dim=3)
    for count in (0, 2, 4):
        with pytest.raises(InvalidInputError, match=rf"^expected a feature of 3 numbers, got {count}$"):
            pack(packet_for(fmt, [1, 2, 3, 4, 5], [], [0.5] * count), fmt)
    with pytest.raises(InvalidInputError, match=r"^expected a feature of 0 numbers, got 3$"):
        pack(packet_for(DEFAULT, [1, 2, 3, 4, 5], [[0] * 8] * 5, [0.5] * 3), DEFAULT)


@pytest.mark.parametrize("payload", Payload)
def test_another_number_of_codes_than_the_payload_has_is_refused(payload: Payload) -> None:
    fmt = PacketFormat(payload=payload, payload_dim=2 if payload is Payload.FEATURE else 0)
    for count in {0, 1, 4, 5, 6} - {num_codes(fmt)}:
        packet = packet_for(fmt, [1, 2, 3, 4, 5], [[0] * 8] * count, [0.5] * fmt.payload_dim)
        line = rf"^expected codes of shape \({num_codes(fmt)}, 8\), got \({count}, 8\)$"
        with pytest.raises(InvalidInputError, match=line):
            pack(packet, fmt)


@given(st.binary(min_size=12, max_size=12))
def test_any_bits_of_a_feature_survive(data: bytes) -> None:
    # NaN and its payload too: what a number means is for the ranking to judge.
    fmt = PacketFormat(num_partitions=1, head_labels=1, payload=Payload.FEATURE, payload_dim=3)
    assert pack(unpack(data, fmt), fmt) == data


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload": Payload.FEATURE},
        {"payload": Payload.FEATURE, "payload_dim": (1 << 16) + 1},
        {"payload": Payload.CODE, "payload_dim": 1},
        {"payload_dim": 1},
        {"num_subvectors": 4097},
        {"num_partitions": 0},
        {"num_partitions": -1},
        {"num_partitions": 4},  # fewer than T = 5
        {"num_partitions": (1 << 20) + 1},
        {"head_labels": 0},
        {"head_labels": 1001},
        {"num_subvectors": 0},
        {"bits_per_subvector": 0},
        {"bits_per_subvector": 9},
    ],
)
def test_a_format_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected .* from \d+ to \d+, got -?\d+$"):
        PacketFormat(**wrong)


@settings(max_examples=50)
@given(st.binary(min_size=47, max_size=47))
def test_unpack_then_pack_gives_the_bytes_back_where_they_are_a_packet(data: bytes) -> None:
    packet = unpack(data, DEFAULT)
    labels = packet.labels.tolist()
    if max(labels) < 1000 and len(set(labels)) == 5:
        again = pack(packet, DEFAULT)
        assert again[7:] == data[7:]
        assert (again[:7] == data[:7]) == head_check_ok(data, DEFAULT)


def bits_of(number: int, width: int) -> str:
    return f"{number:0{width}b}" if width else ""


def remainder(bits: str, generator: int) -> str:
    """Of bits(x) · x^n by long division, as n bits."""
    width = generator.bit_length() - 1
    rest = int(bits, 2) << width
    while rest.bit_length() > width:
        rest ^= generator << (rest.bit_length() - width - 1)
    return bits_of(rest, width)


def splitmix64(place: int) -> int:
    """The generator's output at a place: its state is a multiple of the golden ratio."""
    z = (place + 1) * 0x9E3779B97F4A7C15 % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


def pack_by_strings(packet: Packet, fmt: PacketFormat) -> bytes:
    """The layout in words of its own: strings of 0 and 1."""
    labels, width = packet.labels.tolist(), (fmt.num_partitions - 1).bit_length()
    if fmt.head_codec is HeadCodec.SET:
        number = sum(math.comb(label, place) for place, label in enumerate(labels, start=1))
        head = bits_of(number, (math.comb(fmt.num_partitions, fmt.head_labels) - 1).bit_length())
    else:
        head = "".join(bits_of(label, width) for label in labels)
    if head and fmt.head_codec is not HeadCodec.ZERO:
        head += remainder(head, 0b1100001 if fmt.head_codec is HeadCodec.CRC6 else 0b11110011110101)
    parts = [head]
    for label, code in zip(labels, packet.codes.tolist(), strict=False):
        mask = [splitmix64(4096 * label + m) if fmt.scrambled else 0 for m in range(fmt.num_subvectors)]
        words = [word ^ own % 2**fmt.bits_per_subvector for word, own in zip(code, mask, strict=True)]
        parts.append("".join(bits_of(word, fmt.bits_per_subvector) for word in words))
    padded = "".join(part + "0" * (-len(part) % 8) for part in parts)
    return bytes(int(padded[i : i + 8], 2) for i in range(0, len(padded), 8)) + packet.feature.tobytes()


@given(packets())
def test_the_bytes_are_those_of_the_layout(case: tuple[PacketFormat, Packet]) -> None:
    fmt, packet = case
    assert pack(packet, fmt) == pack_by_strings(packet, fmt)


@given(st.permutations(range(5)))
def test_a_set_is_sent_the_same_whatever_its_order(order: list[int]) -> None:
    fmt, packet = PacketFormat(head_codec=HeadCodec.SET, scrambled=True), example()
    data = pack(packet, fmt)
    assert pack(Packet(packet.labels[order], packet.codes[order]), fmt) == data
    ascending = sorted(zip(packet.labels.tolist(), packet.codes.tolist(), strict=True))
    read = unpack(data, fmt)
    assert list(zip(read.labels.tolist(), read.codes.tolist(), strict=True)) == ascending
    shared = PacketFormat(num_subvectors=8, head_codec=HeadCodec.SET, payload=Payload.CODE)
    code = packet.codes[:1]
    assert pack(Packet(packet.labels[order], code), shared) == pack(Packet(packet.labels, code), shared)


@pytest.mark.parametrize("wrong", [1, 2])
def test_crc13_sees_every_one_and_two_wrong_bits_of_the_head(wrong: int) -> None:
    fmt = PacketFormat(head_codec=HeadCodec.SET)
    data = pack(example(), fmt)
    head = int.from_bytes(data[:7])
    for places in itertools.combinations(range(56), wrong):
        hit = head ^ sum(1 << place for place in places)
        assert not head_check_ok(hit.to_bytes(7) + data[7:], fmt)


def test_a_number_that_is_no_sets_names_nobody() -> None:
    fmt = PacketFormat(head_codec=HeadCodec.SET)
    beyond = math.comb(1000, 5)
    head = bits_of(beyond, 43) + remainder(bits_of(beyond, 43), 0b11110011110101)
    data = int(head, 2).to_bytes(7) + bytes(40)
    assert unpack(data, fmt).labels.tolist() == [1000] * 5
    assert not head_check_ok(data, fmt)  # although its check bits agree


def test_a_wrong_label_gives_other_codes_where_they_are_scrambled() -> None:
    fmt = PacketFormat(scrambled=True)
    data = pack(example(), fmt)
    hit = unpack(bytes([data[0] ^ 0x80]) + data[1:], fmt)  # the first bit of the first label
    assert hit.labels.tolist() == [497 ^ 512, 3, 999, 0, 512]
    assert hit.codes[1:].tolist() == example().codes[1:].tolist()
    masks = [[splitmix64(4096 * label + m) % 256 for m in range(8)] for label in (497, 497 ^ 512)]
    assert hit.codes[0].tolist() == [one ^ other for one, other in zip(*masks, strict=True)]
    assert sum(word != 0 for word in hit.codes[0].tolist()) >= 7  # row 0 of the example is zeros


def test_a_set_of_too_many_and_a_payload_without_a_code_per_label_are_refused() -> None:
    line = r"^expected bits of a set's number from 0 to 62, got 94$"
    with pytest.raises(InvalidInputError, match=line):
        PacketFormat(num_partitions=1 << 20, head_codec=HeadCodec.SET)
    for payload, dim in ((Payload.CODE, 0), (Payload.FEATURE, 3)):
        line = rf"^expected a codes payload to scramble, one code per label, got {payload}$"
        with pytest.raises(InvalidInputError, match=line):
            PacketFormat(payload=payload, payload_dim=dim, scrambled=True)
