"""The joint receiver: head and payload decoded together.

The probability that slot t carries label k comes from the label's own soft bits, from how often k occurs,
from the code behind it (which indices can exist), from the check bits that all slots share, and from where
the estimate of q lies among the partitions. Every partition that the head may well name is read.
"""

from math import lgamma

import numpy as np
from numpy.typing import NDArray

from dsc_common.constellation import LLR_LIMIT
from dsc_common.packet import HeadCodec, PacketFormat, Payload
from dsc_common.scrambling import mask_words
from dsc_server.receiving.code_posterior import index_signs, masked_evidence, word_count_evidence
from dsc_server.receiving.estimates import (
    CodeEstimates,
    Estimate,
    confidence_of,
    feature_estimate,
    fuse_all_but_one,
)
from dsc_server.receiving.head_check import with_check
from dsc_server.receiving.head_list import UNRELIABLE_BITS, head_candidates, read_head_hard
from dsc_server.receiving.partition_choice import inclusion, likely_partitions, with_near
from dsc_server.receiving.reading import HeadReading, Observation, Reading
from dsc_server.semantic_index import SemanticIndex

LABELS_PER_SLOT = 3  # of a codes payload, whose codes are estimated under each
LEAST_SHARE = 1e-3
LIKELIER = 0.5
MOST_AGAINST = 0.8 * LLR_LIMIT  # all that is not a bit of the label itself counts less than one certain bit
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
    head = _decode_head(observation.head_llrs(fmt), index, np.tile(content, (fmt.head_labels, 1)))
    included, trust = inclusion(head.posterior), _trust(head.posterior)
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
        _label_odds(observation.head_llrs(fmt), index)[:, partitions],
    )


def _read_codes(index: SemanticIndex, observation: Observation) -> Reading:
    """The codes depend on the labels, and where they put q tells of the labels: head, codes, head, codes."""
    fmt, model = index.format, index.label_model
    estimates = CodeEstimates(index.codebook, fmt, observation.llrs)
    evidence = code_evidence(index, observation, estimates)
    llrs = observation.head_llrs(fmt)
    head = _decode_head(llrs, index, evidence)
    content = np.zeros_like(evidence)
    by_slot = likely_estimates(estimates, head.posterior)
    for slot, (q, square) in enumerate(fuse_all_but_one(by_slot)):  # so that none confirms itself
        if square > 0:
            content[slot] = model.log_evidence(q) * confidence_of(q, square)
    head = _decode_head(llrs, index, evidence + content)
    by_slot = likely_estimates(estimates, head.posterior)
    q, square = estimates.fused([pair for own in by_slot for pair in own])
    included = inclusion(head.posterior)
    partitions = likely_partitions(index, head, included)[: LABELS_PER_SLOT * fmt.head_labels]
    slots = head.posterior[:, partitions].argmax(axis=0)
    own = [estimates.of(slot, label) for slot, label in zip(slots.tolist(), partitions.tolist(), strict=True)]
    trust = _trust(head.posterior)
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
        _label_odds(llrs, index)[:, partitions],
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
    slots = _slot_log_likelihoods(llrs, fmt) + index.label_model.log_prior
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


def _decode_head(
    llrs: NDArray[np.float64], index: SemanticIndex, evidence: NDArray[np.float64]
) -> HeadReading:
    """Posteriors of all slots, given what else speaks for each label: (T, K) logarithms."""
    fmt = index.format
    hard = read_head_hard(llrs, fmt)
    if not fmt.label_bits:
        return HeadReading(hard.labels, hard.check_ok, 0, np.ones((fmt.head_labels, 1)))
    if fmt.head_codec is HeadCodec.SET:
        return _decode_set(llrs, index, _with_prior(evidence, index), hard)
    posterior = _slot_posterior(llrs, index, evidence)
    labels = _different(posterior)
    corrected = int((_bits(labels, fmt) != _bits(hard.labels, fmt)).sum())
    return HeadReading(labels, _trust(posterior) >= LIKELIER, corrected, posterior)


def _with_prior(evidence: NDArray[np.float64], index: SemanticIndex) -> NDArray[np.float64]:
    """(T, K): evidence and how often labels occur, against none more than MOST_AGAINST."""
    evidence = evidence + index.label_model.log_prior
    return np.asarray(np.maximum(evidence - evidence.max(axis=1, keepdims=True), -MOST_AGAINST))


def _slot_posterior(
    llrs: NDArray[np.float64], index: SemanticIndex, evidence: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(T, K): posteriors of a head with slots."""
    fmt = index.format
    posterior = _normalised(_slot_log_likelihoods(llrs, fmt) + _with_prior(evidence, index))
    if not fmt.check_bits:
        return posterior
    return with_check(posterior, llrs[fmt.message_bits : fmt.message_bits + fmt.check_bits], fmt)


def _label_odds(llrs: NDArray[np.float64], index: SemanticIndex) -> NDArray[np.float64]:
    """(T, K): P(label | bits of the head) / P(label), where other partitions than the head's are read."""
    if not index.probes:
        return np.zeros((0, index.format.num_labels))
    fmt = index.format
    nothing_else = np.zeros((fmt.head_labels, fmt.num_labels))
    if fmt.head_codec is HeadCodec.SET or not fmt.label_bits:
        posterior = _decode_head(llrs, index, nothing_else).posterior
    else:  # labels need no decision
        posterior = _slot_posterior(llrs, index, nothing_else)
    return np.asarray(posterior / _normalised(index.label_model.log_prior[None]))


def _decode_set(
    llrs: NDArray[np.float64], index: SemanticIndex, evidence: NDArray[np.float64], hard: HeadReading
) -> HeadReading:
    """A set's number has no slots, but its codes are in order: candidates whose check bits agree, each by
    its cost and by what its codes say, and the content for the rest.
    """
    fmt = index.format
    candidates = list(head_candidates(llrs, fmt))
    places = np.arange(fmt.head_labels)
    prior = _normalised(evidence)
    log_prior = np.log(np.maximum(prior, 1e-300)) + lgamma(fmt.head_labels + 1) / fmt.head_labels
    scores = [float(log_prior[places, found.labels].sum()) - found.cost for found in candidates]
    # All other heads together: their prior is at most 1, and their bits are like those of any pattern.
    magnitudes = np.sort(np.abs(llrs[: fmt.message_bits + fmt.check_bits]))
    log_inside = -np.log1p(np.exp(-magnitudes[UNRELIABLE_BITS:])).sum()
    log_outside = np.log(max(-float(np.expm1(log_inside)), 1e-300))
    log_patterns = np.log1p(np.exp(-magnitudes)).sum() - magnitudes.size * np.log(2.0)
    all_scores = np.array([*scores, log_outside + log_patterns])
    shares = _normalised(all_scores[None])[0]
    posterior = shares[-1] * prior
    for found, share in zip(candidates, shares, strict=False):
        posterior[places, found.labels] += share
    if not candidates or shares[-1] > shares[:-1].max():
        return HeadReading(hard.labels, False, 0, posterior)
    best = candidates[int(shares[:-1].argmax())]
    return HeadReading(best.labels, bool(shares[:-1].max() >= LIKELIER), best.corrected, posterior)


def _slot_log_likelihoods(llrs: NDArray[np.float64], fmt: PacketFormat) -> NDArray[np.float64]:
    """(T, K): log P(soft bits of slot t | label k)."""
    slots = llrs[: fmt.head_labels * fmt.label_bits].reshape(fmt.head_labels, fmt.label_bits)
    return 0.5 * (slots @ index_signs(fmt.label_bits)[: fmt.num_labels].T)


def _bits(labels: NDArray[np.int64], fmt: PacketFormat) -> NDArray[np.int64]:
    bits: NDArray[np.int64] = (labels[:, None] >> np.arange(fmt.label_bits)) & 1
    return bits


def _normalised(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _different(posterior: NDArray[np.float64]) -> NDArray[np.int64]:
    """(T, K) → (T,) labels, no two alike: the surest slot chooses first."""
    labels = np.full(len(posterior), -1, dtype=np.int64)
    free = np.ones(posterior.shape[1], dtype=bool)
    for slot in np.argsort(-posterior.max(axis=1), kind="stable").tolist():
        labels[slot] = int(np.where(free, posterior[slot], -1.0).argmax())
        free[labels[slot]] = False
    return labels


def _trust(posterior: NDArray[np.float64]) -> float:
    """(T, K) → the probability that every slot's likeliest label is right."""
    return float(np.prod(posterior.max(axis=1)))
