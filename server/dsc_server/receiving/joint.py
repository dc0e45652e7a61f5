"""The joint receiver: joint source-channel decoding of head and payload.

The probability that slot t carries label k combines the soft bits of the slot, the frequency of k, the code
of the slot (the indices that exist under k), the check bits of the whole head, and the position of the
estimate of q among the partitions. Every partition that the head names with some probability is read.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.format import HeadCodec, Payload
from dsc_common.packet.scrambling import mask_words
from dsc_common.spans import span
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.index.summary import DatabaseSummary
from dsc_server.kernels.best_first import best_first
from dsc_server.receiving.code_posterior import masked_evidence, word_count_evidence
from dsc_server.receiving.decoded_packet import DecodedHead, DecodedPacket, Observation
from dsc_server.receiving.estimates import (
    CodeEstimates,
    Estimate,
    confidence_of,
    feature_estimate,
    fuse_all_but_one,
)
from dsc_server.receiving.head_posterior import decode_head, label_ratios, trust_of
from dsc_server.receiving.partition_choice import inclusion, likely_partitions, with_near
from dsc_server.receiving.soft_head import SoftHead

LEAST_PROBABILITY = 1e-3  # labels below get no estimate from their code


@span("head")  # time outside the inner spans
def read_joint(
    summary: DatabaseSummary, observation: Observation, limits: SearchLimits = DEFAULT_LIMITS
) -> DecodedPacket:
    """Decode head and payload jointly, for any payload."""
    fmt = summary.format
    if fmt.payload is Payload.CODES:
        return _read_codes(summary, observation, limits)
    q, confidence, posteriors = _read_payload(summary, observation)
    similarities = summary.label_model.similarities(q)
    content = summary.label_model.log_evidence(similarities, summary.receiver_model.max_label_evidence)
    soft = SoftHead(observation.head_llrs(fmt), fmt)
    head = decode_head(soft, summary, content)
    included, trust = inclusion(head.posterior), trust_of(head.posterior)
    partitions = likely_partitions(summary, head, included, limits)
    if summary.probes:
        partitions = with_near(summary, partitions, similarities, trust, limits)
    return DecodedPacket(
        head,
        partitions,
        included[partitions].astype(np.float32),
        (),
        q,
        trust,
        confidence,
        posteriors,
        label_ratios(soft, summary, partitions),
    )


def _read_payload(
    summary: DatabaseSummary, observation: Observation
) -> tuple[NDArray[np.float32], float, list[NDArray[np.float32]]]:
    """q, confidence and posteriors over words, from a payload that does not depend on the labels."""
    fmt = summary.format
    if fmt.payload is Payload.CODE:
        estimate = CodeEstimates(summary.codebook, fmt, observation.llrs, summary.receiver_model).of(0, 0)
        return estimate.vector, confidence_of(estimate.vector, estimate.square), [estimate.posterior]
    q = feature_estimate(observation, fmt)
    return q, confidence_of(q, 1.0), []


def _read_codes(summary: DatabaseSummary, observation: Observation, limits: SearchLimits) -> DecodedPacket:
    """Decode one code per label: the head first, since the codes depend on the labels."""
    fmt, most = summary.format, limits.labels_per_slot
    soft = SoftHead(observation.head_llrs(fmt), fmt)
    estimates = CodeEstimates(summary.codebook, fmt, observation.llrs, summary.receiver_model)
    head = _decode_head_with_codes(summary, soft, estimates, limits)
    by_slot = likely_estimates(estimates, head.posterior, most)
    q, square = estimates.fused([pair for weighted in by_slot for pair in weighted])
    included = inclusion(head.posterior)
    partitions = likely_partitions(summary, head, included, limits)[: most * fmt.head_labels]
    slots = head.posterior[:, partitions].argmax(axis=0)
    pairs = list(zip(slots.tolist(), partitions.tolist(), strict=True))
    trust = trust_of(head.posterior)
    # Codes of empty partitions carry no information, and would not if they were sent again.
    confidence = confidence_of(q, square) * _covered(by_slot) if square > 0 else trust
    if summary.probes:
        partitions = with_near(summary, partitions, summary.label_model.similarities(q), trust, limits)
    return DecodedPacket(
        head,
        partitions,
        included[partitions].astype(np.float32),
        [estimates.residual(*pair) for pair in pairs],
        q,
        trust,
        confidence,
        [estimates.of(*pair).posterior for pair in pairs],
        label_ratios(soft, summary, partitions),
    )


def _decode_head_with_codes(
    summary: DatabaseSummary, soft: SoftHead, estimates: CodeEstimates, limits: SearchLimits
) -> DecodedHead:
    """Decode the head twice: the first posterior gives estimates of q, which are evidence for the second.

    The evidence for a slot comes from the estimates of the other slots: no slot is evidence for itself.
    """
    evidence = code_evidence(summary, soft, estimates, limits)
    first = decode_head(soft, summary, evidence)
    by_slot = likely_estimates(estimates, first.posterior, limits.labels_per_slot)
    others = list(fuse_all_but_one(by_slot))
    similarities = np.stack([summary.label_model.similarities(q) for q, _ in others])
    content = summary.label_model.log_evidence(similarities, summary.receiver_model.max_label_evidence)
    content *= np.array([[confidence_of(q, square)] for q, square in others])
    return decode_head(soft, summary, evidence + content)


@span("codes")
def code_evidence(
    summary: DatabaseSummary, soft: SoftHead, estimates: CodeEstimates, limits: SearchLimits
) -> NDArray[np.float64]:
    """(T, K): evidence of each code for the label of its slot."""
    fmt, num_words = summary.format, summary.codebook.num_words
    if not fmt.scrambled:
        return word_count_evidence(estimates.log_likelihoods, num_words)
    evidence = np.zeros((fmt.head_labels, fmt.num_partitions))
    tried = _labels_to_try(soft, summary, limits.scrambled_labels)
    for slot, (code, likely) in enumerate(zip(estimates.log_likelihoods, tried, strict=True)):
        masks = mask_words(likely, fmt.num_subvectors, fmt.bits_per_subvector)
        of_likely = masked_evidence(code, num_words[likely], masks)
        evidence[slot] = of_likely.min()
        evidence[slot, likely] = of_likely
    return evidence


def _labels_to_try(soft: SoftHead, summary: DatabaseSummary, most: int) -> NDArray[np.int64]:
    """(T, n ≤ most) most likely labels of each slot; for a set, labels of the most probable candidates."""
    if soft.format.head_codec is HeadCodec.SET:
        named = dict.fromkeys(label for head in soft.candidates for label in head.labels.tolist())
        likely = np.fromiter(named, dtype=np.int64)[:most]
        return np.tile(likely if likely.size else np.arange(1), (soft.format.head_labels, 1))
    slots = soft.log_likelihoods + summary.label_model.log_prior
    return np.stack([best_first(slot, most) for slot in slots])


@span("codes")
def likely_estimates(
    estimates: CodeEstimates, posterior: NDArray[np.float64], most: int
) -> list[list[tuple[Estimate, float]]]:
    """For each slot: estimates under its most likely labels, with the probabilities of these labels."""
    by_slot = []
    for slot, row in enumerate(posterior):
        likely = np.flatnonzero(row >= LEAST_PROBABILITY)
        if likely.size > most:
            likely = np.argpartition(-row, most - 1)[:most]
        ordered = sorted(likely.tolist(), key=lambda label: (-row[label], label))
        by_slot.append([(estimates.of(slot, label), float(row[label])) for label in ordered])
    return by_slot


def _covered(by_slot: Sequence[Sequence[tuple[Estimate, float]]]) -> float:
    """The mean probability, over slots, of the labels whose codes are estimated."""
    return sum(probability for weighted in by_slot for _, probability in weighted) / len(by_slot)
