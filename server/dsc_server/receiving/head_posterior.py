"""Posteriors of the labels of the head, from soft bits, check bits and any other evidence."""

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
# Below LLR_LIMIT, the ratio of a certain bit: no other evidence outweighs a certain bit of the label.
MAX_LOG_PENALTY = 0.8 * LLR_LIMIT


@span("head")
def decode_head(
    llrs: NDArray[np.float64], summary: DatabaseSummary, evidence: NDArray[np.float64]
) -> DecodedHead:
    """Posteriors of all slots, given what else speaks for each label: (T, K) logarithms."""
    fmt = summary.format
    hard = read_head_hard(llrs, fmt)
    if not fmt.label_bits:
        return DecodedHead(hard.labels, hard.trusted, 0, np.ones((fmt.head_labels, 1)))
    if fmt.head_codec is HeadCodec.SET:
        return _decode_set(llrs, summary, _with_prior(evidence, summary), hard)
    posterior = _slot_posterior(llrs, summary, evidence)
    labels = _different(posterior)
    corrected = int((_bits(labels, fmt) != _bits(hard.labels, fmt)).sum())
    return DecodedHead(labels, trust_of(posterior) >= DECISION_THRESHOLD, corrected, posterior)


def _with_prior(evidence: NDArray[np.float64], summary: DatabaseSummary) -> NDArray[np.float64]:
    """(T, K): evidence and how often labels occur, against none more than MAX_LOG_PENALTY."""
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
    """(T, K): P(label | bits of the head) / P(label), where other partitions than the head's are read."""
    if not summary.probes:
        return np.zeros((0, summary.format.num_partitions))
    fmt = summary.format
    nothing_else = np.zeros((fmt.head_labels, fmt.num_partitions))
    if fmt.head_codec is HeadCodec.SET or not fmt.label_bits:
        posterior = decode_head(llrs, summary, nothing_else).posterior
    else:  # labels need no decision
        posterior = _slot_posterior(llrs, summary, nothing_else)
    return np.asarray(posterior / _normalised(summary.label_model.log_prior[None]))


def _decode_set(
    llrs: NDArray[np.float64], summary: DatabaseSummary, evidence: NDArray[np.float64], hard: DecodedHead
) -> DecodedHead:
    """A set's number has no slots, but its codes are in order: candidates whose check bits agree, each by
    its cost and by what its codes say, and the content for the rest.
    """
    fmt = summary.format
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
        return DecodedHead(hard.labels, False, 0, posterior)
    best = candidates[int(shares[:-1].argmax())]
    return DecodedHead(best.labels, bool(shares[:-1].max() >= DECISION_THRESHOLD), best.corrected, posterior)


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


def _different(posterior: NDArray[np.float64]) -> NDArray[np.int64]:
    """(T, K) → (T,) labels, no two alike: the surest slot chooses first."""
    labels = np.full(len(posterior), -1, dtype=np.int64)
    free = np.ones(posterior.shape[1], dtype=bool)
    for slot in np.argsort(-posterior.max(axis=1), kind="stable").tolist():
        labels[slot] = int(np.where(free, posterior[slot], -1.0).argmax())
        free[labels[slot]] = False
    return labels


def trust_of(posterior: NDArray[np.float64]) -> float:
    """(T, K) → the probability that every slot's likeliest label is right."""
    return float(np.prod(posterior.max(axis=1)))
