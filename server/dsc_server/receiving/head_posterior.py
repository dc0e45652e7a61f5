"""Posteriors of the head's labels, from soft bits, check bits and other evidence."""

from math import lgamma, prod

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.format import HeadCodec
from dsc_common.radio.constellation import LLR_LIMIT
from dsc_common.spans import span
from dsc_server.index.summary import DatabaseSummary
from dsc_server.receiving.code_posterior import softmax
from dsc_server.receiving.decoded_packet import DecodedHead
from dsc_server.receiving.head_check import check_factors, label_factors, with_check
from dsc_server.receiving.head_list import UNRELIABLE_BITS
from dsc_server.receiving.soft_head import SoftHead

DECISION_THRESHOLD = 0.5
# Below LLR_LIMIT, the LLR of a certain bit: no other evidence outweighs a certain bit of a label.
MAX_LOG_PENALTY = 0.8 * LLR_LIMIT


@span("head")
def decode_head(soft: SoftHead, summary: DatabaseSummary, evidence: NDArray[np.float64]) -> DecodedHead:
    """Decode the head, with a posterior for every slot.

    Args:
        soft: its soft bits.
        summary: the database.
        evidence: (T, K), or (K,) for all slots, logarithms: evidence for each label besides soft bits, check
            bits and frequency.
    """
    fmt = soft.format
    if not fmt.label_bits:
        return DecodedHead(soft.hard.labels, soft.hard.trusted, 0, np.ones((fmt.head_labels, 1)))
    if fmt.head_codec is HeadCodec.SET:
        return _decode_set(soft, _with_prior(evidence, summary))
    posterior = _slot_posterior(soft, summary, evidence)
    labels = _distinct_labels(posterior)
    corrected = int(np.bitwise_count(labels ^ soft.hard.labels).sum())
    return DecodedHead(labels, trust_of(posterior) >= DECISION_THRESHOLD, corrected, posterior)


def _with_prior(evidence: NDArray[np.float64], summary: DatabaseSummary) -> NDArray[np.float64]:
    """(…, K): evidence and frequencies of the labels, floored at MAX_LOG_PENALTY below the largest."""
    evidence = evidence + summary.label_model.log_prior
    evidence -= evidence.max(axis=-1, keepdims=True)
    return np.maximum(evidence, -MAX_LOG_PENALTY, out=evidence)


def _slot_posterior(
    soft: SoftHead, summary: DatabaseSummary, evidence: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(T, K): posteriors of a head with slots."""
    weights = soft.likelihoods * np.exp(_with_prior(evidence, summary))
    if soft.format.check_bits:
        return with_check(weights, soft.check_llrs, soft.format)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


@span("head")
def label_ratios(soft: SoftHead, summary: DatabaseSummary, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(T, P): P(label | bits of the head) / P(label); (0, P) if only the head's partitions are read.

    Args:
        soft: soft bits of the head.
        summary: the database.
        labels: (P,) the labels in question.
    """
    if not summary.probes:
        return np.zeros((0, labels.size))
    fmt, prior = soft.format, summary.label_model.prior
    if fmt.head_codec is HeadCodec.SET or not fmt.label_bits:
        posterior = decode_head(soft, summary, np.zeros(fmt.num_partitions)).posterior
        return np.asarray(posterior.take(labels, axis=1) / prior[labels])
    weights = soft.likelihoods * prior  # labels need no decision, and the prior cancels
    if fmt.check_bits:
        factors = label_factors(check_factors(weights, soft.check_llrs, fmt), labels, fmt)
    else:
        factors = 1.0 / weights.sum(axis=1, keepdims=True)
    return np.asarray(soft.likelihoods.take(labels, axis=1) * factors)


def _decode_set(soft: SoftHead, evidence: NDArray[np.float64]) -> DecodedHead:
    """Decode a head with codec `set`, whose number has no slots but whose codes are in ascending order.

    Candidates whose check bits agree are scored by their cost and the evidence for their labels. All other
    heads together get the remaining probability, with labels distributed like the evidence.
    """
    fmt, candidates = soft.format, soft.candidates
    places = np.arange(fmt.head_labels)
    prior = np.broadcast_to(softmax(evidence), (fmt.head_labels, fmt.num_partitions))
    log_prior = np.log(np.maximum(prior, 1e-300)) + lgamma(fmt.head_labels + 1) / fmt.head_labels
    scores = [float(log_prior[places, head.labels].sum()) - head.cost for head in candidates]
    # All other heads together: their prior is at most 1, and their bits are like those of any pattern.
    magnitudes = np.sort(np.abs(soft.llrs[: fmt.message_bits + fmt.check_bits]))
    log_inside = -np.log1p(np.exp(-magnitudes[UNRELIABLE_BITS:])).sum()
    log_outside = np.log(max(-float(np.expm1(log_inside)), 1e-300))
    log_patterns = np.log1p(np.exp(-magnitudes)).sum() - magnitudes.size * np.log(2.0)
    all_scores = np.array([*scores, log_outside + log_patterns])
    *probabilities, other_heads = softmax(all_scores).tolist()
    posterior = other_heads * prior
    for head, probability in zip(candidates, probabilities, strict=True):
        posterior[places, head.labels] += probability
    highest = max(probabilities, default=0.0)
    if not candidates or other_heads > highest:
        return DecodedHead(soft.hard.labels, False, 0, posterior)
    best = candidates[probabilities.index(highest)]
    return DecodedHead(best.labels, highest >= DECISION_THRESHOLD, best.corrected, posterior)


def _distinct_labels(posterior: NDArray[np.float64]) -> NDArray[np.int64]:
    """(T, K) → (T,) distinct labels: the most certain slot chooses first."""
    likeliest: NDArray[np.int64] = posterior.argmax(axis=1)
    if len(set(likeliest.tolist())) == len(posterior):
        return likeliest
    labels = np.full(len(posterior), -1, dtype=np.int64)
    free = np.ones(posterior.shape[1], dtype=bool)
    for slot in np.argsort(-posterior.max(axis=1), kind="stable").tolist():
        labels[slot] = int(np.where(free, posterior[slot], -1.0).argmax())
        free[labels[slot]] = False
    return labels


def trust_of(posterior: NDArray[np.float64]) -> float:
    """(T, K) → the probability that the most likely label of every slot is right."""
    return min(float(prod(posterior.max(axis=1).tolist())), 1.0)  # rounded, a product of ones exceeds 1
