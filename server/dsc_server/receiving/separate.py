"""Receivers that decode the head, then take it as correct: `hard` (the paper), `list` and `soft`."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import decode_residual, reconstruct
from dsc_common.codebook.fusion import fuse
from dsc_common.packet.bits import bytes_from_bits
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.packet.packing import Packet, message_from_labels, unpack
from dsc_common.spans import span
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.index.summary import DatabaseSummary
from dsc_server.receiving.decoded_packet import DecodedHead, DecodedPacket, Observation
from dsc_server.receiving.estimates import (
    CodeEstimates,
    confidence_of,
    feature_estimate,
    plausible,
)
from dsc_server.receiving.head_list import read_head_by_list, read_head_hard


def read_hard(
    summary: DatabaseSummary, observation: Observation, _limits: SearchLimits = DEFAULT_LIMITS
) -> DecodedPacket:
    """Hard decisions on all bits: the paper."""
    fmt = summary.format
    head = read_head_hard(observation.head_llrs(fmt), fmt)
    return _with_confidence(summary, observation, _decided(summary, observation, head))


def read_list(
    summary: DatabaseSummary, observation: Observation, _limits: SearchLimits = DEFAULT_LIMITS
) -> DecodedPacket:
    """List decoding of the head; hard decisions on the codes."""
    fmt = summary.format
    head = read_head_by_list(observation.head_llrs(fmt), fmt)
    return _with_confidence(summary, observation, _decided(summary, observation, head))


def read_soft(
    summary: DatabaseSummary, observation: Observation, _limits: SearchLimits = DEFAULT_LIMITS
) -> DecodedPacket:
    """Hard decisions on the head; soft decisions on the codes: a posterior over codewords for each."""
    fmt = summary.format
    head = read_head_hard(observation.head_llrs(fmt), fmt)
    if fmt.payload is Payload.FEATURE:
        q = feature_estimate(observation, fmt)
        return _with_head(summary, head, [], q, confidence_of(q, 1.0))
    codes = CodeEstimates(summary.codebook, fmt, observation.llrs, summary.receiver_model)
    slots = candidate_slots(head.labels, fmt.num_partitions)
    pairs = [(0, 0)] if fmt.payload is Payload.CODE else [(slot, int(head.labels[slot])) for slot in slots]
    estimates = [codes.of(slot, label) for slot, label in pairs]
    q, square = codes.fused([(estimate, 1.0) for estimate in estimates])
    residuals = [codes.residual(*pair) for pair in pairs]
    confidence = confidence_of(q, square) if square > 0 else float(_is_trusted(head, fmt))
    decoded = _with_head(summary, head, residuals, q, confidence)
    return replace(decoded, posteriors=[estimate.posterior for estimate in estimates])


def _with_confidence(
    summary: DatabaseSummary, observation: Observation, decided: DecodedPacket
) -> DecodedPacket:
    """Without a head no check bits tell whether hard decisions are right: the expected cosine does."""
    if summary.format.label_bits:
        return decided
    soft = read_soft(summary, observation)
    lengths = float(np.linalg.norm(soft.q) * np.linalg.norm(decided.q))
    cosine = float(soft.q @ decided.q) / lengths if lengths > 0 else 0.0
    return replace(decided, confidence=max(0.0, min(1.0, cosine * soft.confidence)))


@span("codes")
def packet_as_sent(
    summary: DatabaseSummary, packet: Packet, head: DecodedHead | None = None
) -> DecodedPacket:
    """A decoded packet, from a packet whose bits are all taken as correct.

    Args:
        summary: summary of the database.
        packet: the packet after hard decisions.
        head: the decoded head; by default the head of the packet.
    """
    fmt, codebook = summary.format, summary.codebook
    head = head or DecodedHead(packet.labels, trusted=True)
    slots = candidate_slots(packet.labels, fmt.num_partitions)
    labels = packet.labels[slots].tolist()
    residuals: list[NDArray[np.float32]] = []
    if fmt.payload is Payload.FEATURE:
        q = plausible(packet.feature)
    elif fmt.payload is Payload.CODE:
        q = reconstruct(codebook, 0, packet.codes[0])
    else:
        q = fuse(codebook, labels, packet.codes[slots])
        residuals = [
            decode_residual(code, codebook.subcodebooks(label))
            for label, code in zip(labels, packet.codes[slots], strict=True)
        ]
    return _with_head(summary, head, residuals, q, float(_is_trusted(head, fmt)))


@span("partitions")
def candidate_slots(labels: NDArray[np.int64], num_labels: int) -> list[int]:
    """Slots t of the head whose partitions are read: labels that exist, each in its first slot."""
    seen: set[int] = set()
    slots = []
    for slot, label in enumerate(labels.tolist()):
        if 0 <= label < num_labels and label not in seen:
            seen.add(label)
            slots.append(slot)
    return slots


def _decided(summary: DatabaseSummary, observation: Observation, head: DecodedHead) -> DecodedPacket:
    """Hard decisions on the bits after a decided head."""
    fmt = summary.format
    bits = (observation.llrs < 0).astype(np.uint8)
    if head.corrected:
        bits[: fmt.message_bits] = message_from_labels(head.labels, fmt)
    data = bytes_from_bits(bits)
    if observation.feature is not None:
        data += observation.feature.astype("<f4").tobytes()
    return packet_as_sent(summary, unpack(data, fmt), head)


def _with_head(
    summary: DatabaseSummary,
    head: DecodedHead,
    residuals: Sequence[NDArray[np.float32]],
    q: NDArray[np.float32],
    confidence: float,
) -> DecodedPacket:
    fmt = summary.format
    labels = head.labels[candidate_slots(head.labels, fmt.num_partitions)]
    weights = np.ones(len(labels), dtype=np.float32)
    return DecodedPacket(head, labels, weights, residuals, q, float(_is_trusted(head, fmt)), confidence)


def _is_trusted(head: DecodedHead, fmt: PacketFormat) -> bool:
    return head.trusted and len(candidate_slots(head.labels, fmt.num_partitions)) == fmt.head_labels
