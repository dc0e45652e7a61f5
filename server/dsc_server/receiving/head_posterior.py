"""Posteriors of the head's labels, from soft bits, check bits and other evidence."""

from math import lgamma

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.format import HeadCodec, PacketFormat
from dsc_common.radio.constellation import LLR_LIMIT
from dsc_common.spans import span
from dsc_server.index.summary import DatabaseSummary
from dsc_server.receiving.code_posterior import index_signs
from dsc_server.receiving.decoded_packet import DecodedHead
from dsc_server.receiving.head_check import with_check
from dsc_server.receiving.head_list import UNRELIABLE_BITS, head_candidates, read_head_hard

DECISION_THRESHOLD = 0.5
# Below LLR_LIMIT, the LLR of a certain bit: no other evidence outweighs a certain bit of a label.
MAX_LOG_PENALTY = 0.8 * LLR_LIMIT


@span("head")
def decode_head(
    llrs: NDArray[np.float64], summary: DatabaseSummary, evidence: NDArray[np.float64]
) -> DecodedHead:
    """Decode the head, with a posterior for every slot.

    Args:
        llrs: (8 · head_bytes,) soft bits.
        summary: the database.
        evidence: (T, K), logarithms: evidence for each label besides soft bits, check bits and frequency.
    """
    fmt = summary.format
    hard = read_head_hard(llrs, fmt)
    if not fmt.label_bits:
        return DecodedHead(hard.labels, hard.trusted, 0, np.ones((fmt.head_labels, 1)))
    if fmt.head_codec is HeadCodec.SET:
        return _decode_set(llrs, summary, _with_prior(evidence, summary), hard)
    posterior = _slot_posterior(llrs, summary, evidence)
    labels = _distinct_labels(posterior)
    corrected = int((_bits(labels, fmt) != _bits(hard.labels, fmt)).sum())
    return DecodedHead(labels, trust_of(posterior) >= DECISION_THRESHOLD, corrected, posterior)


def _with_prior(evidence: NDArray[np.float64], summary: DatabaseSummary) -> NDArray[np.float64]:
    """(T, K): evidence and frequencies of the labels, floored at MAX_LOG_PENALTY below the largest."""
    evidence = evidence + summary.label_model.log_prior
    return np.asarray(np.maximum(evidence - evidence.max(axis=1, keepdims=True), -MAX_LOG_PENALTY))


def _slot_posterior(
    llrs: NDArray[np.float64], summary: DatabaseSummary, evidence: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(T, K): posteriors of a head with slots."""
    fmt = summary.format
    posterior = _normalised(slot_log_likelihoods(llrs, fmt) + _with_prior(evidence, summary))
    if not fmt.check_bits:
        return posterior
    return with_check(posterior, llrs[fmt.message_bits : fmt.message_bits + fmt.check_bits], fmt)


@span("head")
def label_ratios(llrs: NDArray[np.float64], summary: DatabaseSummary) -> NDArray[np.float64]:
    """(T, K): P(label | bits of the head) / P(label); (0, K) if only the head's partitions are read."""
    if not summary.probes:
        return np.zeros((0, summary.format.num_partitions))
    fmt = summary.format
    no_evidence = np.zeros((fmt.head_labels, fmt.num_partitions))
    if fmt.head_codec is HeadCodec.SET or not fmt.label_bits:
        posterior = decode_head(llrs, summary, no_evidence).posterior
    else:  # labels need no decision
        posterior = _slot_posterior(llrs, summary, no_evidence)
    return np.asarray(posterior / _normalised(summary.label_model.log_prior[None]))


def _decode_set(
    llrs: NDArray[np.float64], summary: DatabaseSummary, evidence: NDArray[np.float64], hard: DecodedHead
) -> DecodedHead:
    """Decode a head with codec `set`, whose number has no slots but whose codes are in ascending order.

    Candidates whose check bits agree are scored by their cost and the evidence for their labels. All other
    heads together get the remaining probability, with labels distributed like the evidence.
    """
    fmt = summary.format
    candidates = list(head_candidates(llrs, fmt))
    places = np.arange(fmt.head_labels)
    prior = _normalised(evidence)
    log_prior = np.log(np.maximum(prior, 1e-300)) + lgamma(fmt.head_labels + 1) / fmt.head_labels
    scores = [float(log_prior[places, head.labels].sum()) - head.cost for head in candidates]
    # All other heads together: their prior is at most 1, and their bits are like those of any pattern.
    magnitudes = np.sort(np.abs(llrs[: fmt.message_bits + fmt.check_bits]))
    log_inside = -np.log1p(np.exp(-magnitudes[UNRELIABLE_BITS:])).sum()
    log_outside = np.log(max(-float(np.expm1(log_inside)), 1e-300))
    log_patterns = np.log1p(np.exp(-magnitudes)).sum() - magnitudes.size * np.log(2.0)
    all_scores = np.array([*scores, log_outside + log_patterns])
    *probabilities, other_heads = _normalised(all_scores[None])[0].tolist()
    posterior = other_heads * prior
    for head, probability in zip(candidates, probabilities, strict=True):
        posterior[places, head.labels] += probability
    highest = max(probabilities, default=0.0)
    if not candidates or other_heads > highest:
        return DecodedHead(hard.labels, False, 0, posterior)
    best = candidates[probabilities.index(highest)]
    return DecodedHead(best.labels, highest >= DECISION_THRESHOLD, best.corrected, posterior)


def slot_log_likelihoods(llrs: NDArray[np.float64], fmt: PacketFormat) -> NDArray[np.float64]:
    """(T, K): log P(soft bits of slot t | label k)."""
    slots = llrs[: fmt.head_labels * fmt.label_bits].reshape(fmt.head_labels, fmt.label_bits)
    return 0.5 * (slots @ index_signs(fmt.label_bits)[: fmt.num_partitions].T)


def _bits(labels: NDArray[np.int64], fmt: PacketFormat) -> NDArray[np.int64]:
    bits: NDArray[np.int64] = (labels[:, None] >> np.arange(fmt.label_bits)) & 1
    return bits


def _normalised(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _distinct_labels(posterior: NDArray[np.float64]) -> NDArray[np.int64]:
    """(T, K) → (T,) distinct labels: the most certain slot chooses first."""
    labels = np.full(len(posterior), -1, dtype=np.int64)
    free = np.ones(posterior.shape[1], dtype=bool)
    for slot in np.argsort(-posterior.max(axis=1), kind="stable").tolist():
        labels[slot] = int(np.where(free, posterior[slot], -1.0).argmax())
        free[labels[slot]] = False
    return labels


def trust_of(posterior: NDArray[np.float64]) -> float:
    """(T, K) → the probability that the most likely label of every slot is right."""
    return float(np.prod(posterior.max(axis=1)))
