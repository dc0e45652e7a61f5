"""The joint receiver: head and payload decoded together.

The probability that slot t carries label k comes from the label's own soft bits, from how often k occurs,
from the code behind it (which indices can exist), from the check bits that all slots share, and from where
the estimate of q lies among the partitions. Every partition that the head may well name is read.
"""

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.format import HeadCodec, Payload
from dsc_common.packet.scrambling import mask_words
from dsc_common.spans import span
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.index.summary import DatabaseSummary
from dsc_server.receiving.code_posterior import masked_evidence, word_count_evidence
from dsc_server.receiving.decoded_packet import DecodedPacket, Observation
from dsc_server.receiving.estimates import (
    CodeEstimates,
    Estimate,
    confidence_of,
    feature_estimate,
    fuse_all_but_one,
)
from dsc_server.receiving.head_list import head_candidates
from dsc_server.receiving.head_posterior import decode_head, label_ratios, slot_log_likelihoods, trust_of
from dsc_server.receiving.partition_choice import inclusion, likely_partitions, with_near

LEAST_PROBABILITY = 1e-3  # of a label, below which no code is estimated under it


@span("head")  # what no other step takes
def read_joint(
    summary: DatabaseSummary, observation: Observation, limits: SearchLimits = DEFAULT_LIMITS
) -> DecodedPacket:
    """The joint receiver of any payload."""
    if summary.format.payload is Payload.CODES:
        return _read_codes(summary, observation, limits)
    limit = summary.receiver_model.max_label_evidence
    fmt = summary.format
    posteriors: list[NDArray[np.float32]] = []
    if fmt.payload is Payload.CODE:
        estimate = CodeEstimates(summary.codebook, fmt, observation.llrs, summary.receiver_model).of(0, 0)
        posteriors = [estimate.posterior]
        q, confidence = estimate.vector, confidence_of(estimate.vector, estimate.square)
        content = summary.label_model.log_evidence(q, limit)
    else:
        q = feature_estimate(observation, fmt)
        uncoded = observation.feature is not None
        confidence = min(1.0, float(np.linalg.norm(q))) if uncoded else 1.0
        # Floats whose bits are wrong say nothing of the labels, and nobody can tell which are.
        content = summary.label_model.log_evidence(q, limit) if uncoded else np.zeros(fmt.num_partitions)
    head = decode_head(observation.head_llrs(fmt), summary, np.tile(content, (fmt.head_labels, 1)))
    included, trust = inclusion(head.posterior), trust_of(head.posterior)
    partitions = likely_partitions(summary, head, included, limits)
    if summary.probes:
        partitions = with_near(summary, partitions, q, trust, limits)
    return DecodedPacket(
        head,
        partitions,
        included[partitions].astype(np.float32),
        (),
        q,
        trust,
        confidence,
        posteriors,
        label_ratios(observation.head_llrs(fmt), summary)[:, partitions],
    )


def _read_codes(summary: DatabaseSummary, observation: Observation, limits: SearchLimits) -> DecodedPacket:
    """The codes depend on the labels, and where they put q tells of the labels: head, codes, head, codes."""
    fmt, model = summary.format, summary.label_model
    estimates = CodeEstimates(summary.codebook, fmt, observation.llrs, summary.receiver_model)
    most, limit = limits.labels_per_slot, summary.receiver_model.max_label_evidence
    evidence = code_evidence(summary, observation, estimates, limits)
    llrs = observation.head_llrs(fmt)
    head = decode_head(llrs, summary, evidence)
    content = np.zeros_like(evidence)
    by_slot = likely_estimates(estimates, head.posterior, most)
    for slot, (q, square) in enumerate(fuse_all_but_one(by_slot)):  # so that none confirms itself
        if square > 0:
            content[slot] = model.log_evidence(q, limit) * confidence_of(q, square)
    head = decode_head(llrs, summary, evidence + content)
    by_slot = likely_estimates(estimates, head.posterior, most)
    q, square = estimates.fused([pair for own in by_slot for pair in own])
    included = inclusion(head.posterior)
    partitions = likely_partitions(summary, head, included, limits)[: most * fmt.head_labels]
    slots = head.posterior[:, partitions].argmax(axis=0)
    own = [estimates.of(slot, label) for slot, label in zip(slots.tolist(), partitions.tolist(), strict=True)]
    trust = trust_of(head.posterior)
    # Codes of empty partitions say nothing, and would not if they were sent again.
    confidence = confidence_of(q, square) * _covered(head.posterior, most) if square > 0 else trust
    if summary.probes:
        partitions = with_near(summary, partitions, q, trust, limits)
    return DecodedPacket(
        head,
        partitions,
        included[partitions].astype(np.float32),
        [estimate.residual for estimate in own],
        q,
        trust,
        confidence,
        [estimate.posterior for estimate in own],
        label_ratios(llrs, summary)[:, partitions],
    )


@span("codes")
def code_evidence(
    summary: DatabaseSummary, observation: Observation, estimates: CodeEstimates, limits: SearchLimits
) -> NDArray[np.float64]:
    """(T, K): what each code by itself says of its label."""
    fmt, num_words = summary.format, summary.codebook.num_words
    if not fmt.scrambled:
        return np.stack([word_count_evidence(own, num_words) for own in estimates.log_likelihoods])
    evidence = np.zeros((fmt.head_labels, fmt.num_partitions))
    tried = _labels_to_try(observation.head_llrs(fmt), summary, limits.scrambled_labels)
    for slot, (own, likely) in enumerate(zip(estimates.log_likelihoods, tried, strict=True)):
        masks = mask_words(likely, fmt.num_subvectors, fmt.bits_per_subvector)
        found = masked_evidence(own, num_words[likely], masks)
        evidence[slot] = found.min()
        evidence[slot, likely] = found
    return evidence


def _labels_to_try(llrs: NDArray[np.float64], summary: DatabaseSummary, most: int) -> NDArray[np.int64]:
    """(T, n ≤ most) labels of each slot; where the head is a set, those of its most probable candidates."""
    fmt = summary.format
    if fmt.head_codec is HeadCodec.SET:
        named = dict.fromkeys(
            label for found in head_candidates(llrs, fmt) for label in found.labels.tolist()
        )
        likely = np.fromiter(named, dtype=np.int64)[:most]
        return np.tile(likely if likely.size else np.arange(1), (fmt.head_labels, 1))
    slots = slot_log_likelihoods(llrs, fmt) + summary.label_model.log_prior
    return np.argsort(-slots, axis=1, kind="stable")[:, :most]


@span("codes")
def likely_estimates(
    estimates: CodeEstimates, posterior: NDArray[np.float64], most: int
) -> list[list[tuple[Estimate, float]]]:
    """Of each slot: estimates under its likeliest labels, and the probabilities of these."""
    likely = np.argpartition(-posterior, min(most, posterior.shape[1]) - 1, axis=1)
    return [
        [
            (estimates.of(slot, label), float(row[label]))
            for label in sorted(labels.tolist(), key=lambda label: (-row[label], label))
            if row[label] >= LEAST_PROBABILITY
        ]
        for slot, (row, labels) in enumerate(zip(posterior, likely[:, :most], strict=True))
    ]


def _covered(posterior: NDArray[np.float64], most: int) -> float:
    """(T, K) → the mean probability, over slots, of the labels whose codes are estimated."""
    likely = np.sort(posterior, axis=1)[:, -most:]
    return float(np.where(likely >= LEAST_PROBABILITY, likely, 0.0).sum(axis=1).mean())
