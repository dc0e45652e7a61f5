"""The joint receiver: head and payload decoded together.

The probability that slot t carries label k comes from the label's own soft bits, from how often k occurs,
from the code behind it (which indices can exist), from the check bits that all slots share, and from where
the estimate of q lies among the partitions. Every partition that the head may well name is read.
"""

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.format import HeadCodec, Payload
from dsc_common.packet.scrambling import mask_words
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.receiving.code_posterior import masked_evidence, word_count_evidence
from dsc_server.receiving.estimates import (
    CodeEstimates,
    Estimate,
    confidence_of,
    feature_estimate,
    fuse_all_but_one,
)
from dsc_server.receiving.head_list import head_candidates
from dsc_server.receiving.head_posterior import decode_head, label_odds, slot_log_likelihoods, trust_of
from dsc_server.receiving.partition_choice import inclusion, likely_partitions, with_near
from dsc_server.receiving.reading import Observation, Reading

LABELS_PER_SLOT = 3  # of a codes payload, whose codes are estimated under each
LEAST_SHARE = 1e-3
SCRAMBLED_LABELS = 64  # of each slot, whose masks are tried


def read_joint(index: SemanticIndex, observation: Observation) -> Reading:
    """The joint receiver of any payload."""
    if index.format.payload is Payload.CODES:
        return _read_codes(index, observation)
    fmt = index.format
    posteriors: list[NDArray[np.float32]] = []
    if fmt.payload is Payload.CODE:
        estimate = CodeEstimates(index.codebook, fmt, observation.llrs).of(0, 0)
        posteriors = [estimate.posterior]
        q, confidence = estimate.vector, confidence_of(estimate.vector, estimate.square)
        content = index.label_model.log_evidence(q)
    else:
        q = feature_estimate(observation, fmt)
        uncoded = observation.feature is not None
        confidence = min(1.0, float(np.linalg.norm(q))) if uncoded else 1.0
        # Floats whose bits are wrong say nothing of the labels, and nobody can tell which are.
        content = index.label_model.log_evidence(q) if uncoded else np.zeros(fmt.num_labels)
    head = decode_head(observation.head_llrs(fmt), index, np.tile(content, (fmt.head_labels, 1)))
    included, trust = inclusion(head.posterior), trust_of(head.posterior)
    partitions = likely_partitions(index, head, included)
    if index.probes:
        partitions = with_near(index, partitions, q, trust)
    return Reading(
        head,
        partitions,
        included[partitions].astype(np.float32),
        (),
        q,
        trust,
        confidence,
        posteriors,
        label_odds(observation.head_llrs(fmt), index)[:, partitions],
    )


def _read_codes(index: SemanticIndex, observation: Observation) -> Reading:
    """The codes depend on the labels, and where they put q tells of the labels: head, codes, head, codes."""
    fmt, model = index.format, index.label_model
    estimates = CodeEstimates(index.codebook, fmt, observation.llrs)
    evidence = code_evidence(index, observation, estimates)
    llrs = observation.head_llrs(fmt)
    head = decode_head(llrs, index, evidence)
    content = np.zeros_like(evidence)
    by_slot = likely_estimates(estimates, head.posterior)
    for slot, (q, square) in enumerate(fuse_all_but_one(by_slot)):  # so that none confirms itself
        if square > 0:
            content[slot] = model.log_evidence(q) * confidence_of(q, square)
    head = decode_head(llrs, index, evidence + content)
    by_slot = likely_estimates(estimates, head.posterior)
    q, square = estimates.fused([pair for own in by_slot for pair in own])
    included = inclusion(head.posterior)
    partitions = likely_partitions(index, head, included)[: LABELS_PER_SLOT * fmt.head_labels]
    slots = head.posterior[:, partitions].argmax(axis=0)
    own = [estimates.of(slot, label) for slot, label in zip(slots.tolist(), partitions.tolist(), strict=True)]
    trust = trust_of(head.posterior)
    # Codes of empty partitions say nothing, and would not if they were sent again.
    confidence = confidence_of(q, square) * _covered(head.posterior) if square > 0 else trust
    if index.probes:
        partitions = with_near(index, partitions, q, trust)
    return Reading(
        head,
        partitions,
        included[partitions].astype(np.float32),
        [estimate.residual for estimate in own],
        q,
        trust,
        confidence,
        [estimate.posterior for estimate in own],
        label_odds(llrs, index)[:, partitions],
    )


def code_evidence(
    index: SemanticIndex, observation: Observation, estimates: CodeEstimates
) -> NDArray[np.float64]:
    """(T, K): what each code by itself says of its label."""
    fmt, num_words = index.format, index.codebook.num_words
    if not fmt.scrambled:
        return np.stack([word_count_evidence(own, num_words) for own in estimates.log_likelihoods])
    evidence = np.zeros((fmt.head_labels, fmt.num_labels))
    tried = _labels_to_try(observation.head_llrs(fmt), index)
    for slot, (own, likely) in enumerate(zip(estimates.log_likelihoods, tried, strict=True)):
        masks = mask_words(likely, fmt.num_subvectors, fmt.bits_per_subvector)
        found = masked_evidence(own, num_words[likely], masks)
        evidence[slot] = found.min()
        evidence[slot, likely] = found
    return evidence


def _labels_to_try(llrs: NDArray[np.float64], index: SemanticIndex) -> NDArray[np.int64]:
    """(T, n) labels of each slot, or of all where the head is a set: those of its likeliest candidates."""
    fmt = index.format
    if fmt.head_codec is HeadCodec.SET:
        named = dict.fromkeys(
            label for found in head_candidates(llrs, fmt) for label in found.labels.tolist()
        )
        likely = np.fromiter(named, dtype=np.int64)[:SCRAMBLED_LABELS]
        return np.tile(likely if likely.size else np.arange(1), (fmt.head_labels, 1))
    slots = slot_log_likelihoods(llrs, fmt) + index.label_model.log_prior
    return np.argsort(-slots, axis=1, kind="stable")[:, :SCRAMBLED_LABELS]


def likely_estimates(
    estimates: CodeEstimates, posterior: NDArray[np.float64]
) -> list[list[tuple[Estimate, float]]]:
    """Of each slot: estimates under its likeliest labels, and the probabilities of these."""
    likely = np.argpartition(-posterior, min(LABELS_PER_SLOT, posterior.shape[1]) - 1, axis=1)
    return [
        [
            (estimates.of(slot, label), float(row[label]))
            for label in sorted(labels.tolist(), key=lambda label: (-row[label], label))
            if row[label] >= LEAST_SHARE
        ]
        for slot, (row, labels) in enumerate(zip(posterior, likely[:, :LABELS_PER_SLOT], strict=True))
    ]


def _covered(posterior: NDArray[np.float64]) -> float:
    """(T, K) → the mean probability, over slots, of the labels whose codes are estimated."""
    likely = np.sort(posterior, axis=1)[:, -LABELS_PER_SLOT:]
    return float(np.where(likely >= LEAST_SHARE, likely, 0.0).sum(axis=1).mean())
