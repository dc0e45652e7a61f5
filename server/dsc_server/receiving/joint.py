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
    confidence_of,
    feature_estimate,
    fuse_estimates,
)
from dsc_server.receiving.head_check import with_check
from dsc_server.receiving.head_list import UNRELIABLE_BITS, head_candidates, read_head_hard
from dsc_server.receiving.reading import HeadReading, Observation, Reading
from dsc_server.semantic_index import SemanticIndex

LABELS_PER_SLOT = 3  # of a codes payload, whose codes are estimated under each
LEAST_SHARE = 1e-3
LEAST_INCLUSION = 1e-6  # below, a partition is not read although nothing likelier holds an image
COVERAGE = 0.99  # of the labels that the head is expected to name in partitions that are not empty
MAX_PARTITIONS = 50
BUDGET = 10_000  # images; beyond, only the T likeliest partitions are read
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
    included, trust = _inclusion(head.posterior), _trust(head.posterior)
    partitions = _likely_partitions(index, head, included)
    if index.probes:
        partitions = _with_near(index, partitions, q, trust)
    return Reading(
        head,
        partitions,
        included[partitions].astype(np.float32),
        (),
        q,
        trust,
        confidence,
        posteriors,
    )


def _read_codes(index: SemanticIndex, observation: Observation) -> Reading:
    """The codes depend on the labels, and where they put q tells of the labels: head, codes, head, codes."""
    fmt, model = index.format, index.label_model
    estimates = CodeEstimates(index.codebook, fmt, observation.llrs)
    evidence = _code_evidence(index, observation, estimates)
    llrs = observation.head_llrs(fmt)
    head = _decode_head(llrs, index, evidence)
    content = np.zeros_like(evidence)
    for slot in range(fmt.head_labels):  # what the other slots say, so that none confirms itself
        q, square = _fused(estimates, head.posterior, leave_out=slot)
        if square > 0:
            content[slot] = model.log_evidence(q) * confidence_of(q, square)
    head = _decode_head(llrs, index, evidence + content)
    q, square = _fused(estimates, head.posterior)
    included = _inclusion(head.posterior)
    partitions = _likely_partitions(index, head, included)[: LABELS_PER_SLOT * fmt.head_labels]
    slots = head.posterior[:, partitions].argmax(axis=0)
    own = [estimates.of(slot, label) for slot, label in zip(slots.tolist(), partitions.tolist(), strict=True)]
    trust = _trust(head.posterior)
    if index.probes:
        partitions = _with_near(index, partitions, q, trust)
    return Reading(
        head,
        partitions,
        included[partitions].astype(np.float32),
        [estimate.residual for estimate in own],
        q,
        trust,
        confidence_of(q, square) * _covered(head.posterior),
        [estimate.posterior for estimate in own],
    )


def _code_evidence(
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


def _fused(
    estimates: CodeEstimates, posterior: NDArray[np.float64], leave_out: int = -1
) -> tuple[NDArray[np.float32], float]:
    chosen, shares = [], []
    for slot, row in enumerate(posterior):
        if slot == leave_out:
            continue
        for label in np.argsort(-row, kind="stable")[:LABELS_PER_SLOT].tolist():
            if row[label] >= LEAST_SHARE:
                chosen.append(estimates.of(slot, label))
                shares.append(float(row[label]))
    if not chosen:
        return np.zeros_like(estimates.of(0, 0).vector), 0.0
    return fuse_estimates(chosen, shares)


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
    evidence = evidence + index.label_model.log_prior
    evidence = np.maximum(evidence - evidence.max(axis=1, keepdims=True), -MOST_AGAINST)
    if fmt.head_codec is HeadCodec.SET:
        return _decode_set(llrs, index, evidence, hard)
    posterior = _normalised(_slot_log_likelihoods(llrs, fmt) + evidence)
    if fmt.check_bits:
        end = fmt.message_bits + fmt.check_bits
        posterior = with_check(posterior, llrs[fmt.message_bits : end], fmt)
    labels = _different(posterior)
    corrected = int((_bits(labels, fmt) != _bits(hard.labels, fmt)).sum())
    return HeadReading(labels, _trust(posterior) >= LIKELIER, corrected, posterior)


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


def _inclusion(posterior: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, K) → (K,): the probability that any slot carries a label."""
    return np.asarray(-np.expm1(np.log1p(-np.minimum(posterior, 1 - 1e-12)).sum(axis=0)))


def _trust(posterior: NDArray[np.float64]) -> float:
    """(T, K) → the probability that every slot's likeliest label is right."""
    return float(np.prod(posterior.max(axis=1)))


def _likely_partitions(
    index: SemanticIndex, head: HeadReading, included: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Partitions that the head names or may name, empty ones passed over.

    Those of the labels decided on come first, in the head's order, as far as they are likelier than not;
    then the others, the likeliest first.
    """
    sizes = index.list_sizes
    weights = np.where((sizes > 0) & (included >= LEAST_INCLUSION), included, 0.0)
    decided = np.zeros(weights.size)
    for slot, label in enumerate(head.labels.tolist()):
        if label < weights.size and weights[label] > 0.5:
            decided[label] = len(head.labels) - slot
    order = np.lexsort((-weights, -decided))
    covered = np.cumsum(weights[order])
    wanted = int(np.searchsorted(covered, COVERAGE * covered[-1])) + 1
    certain = index.format.head_labels
    count = min(max(wanted, 1), max(MAX_PARTITIONS, certain), int((weights > 0).sum()))
    affordable = int(np.searchsorted(np.cumsum(sizes[order]), BUDGET, side="right"))
    return order[: min(count, max(affordable, certain))]


def _with_near(
    index: SemanticIndex, partitions: NDArray[np.int64], q: NDArray[np.float32], trust: float
) -> NDArray[np.int64]:
    """And those whose images lie nearest to the estimate: the more, the less the head can be trusted."""
    sizes = index.list_sizes
    near = np.argsort(-index.label_model.similarities(q), kind="stable")
    near = near[(sizes[near] > 0) & ~np.isin(near, partitions)]
    total = np.cumsum(sizes[near]) + int(sizes[partitions].sum())
    doubtful = int(np.searchsorted(total, (1 - trust) * BUDGET, side="right"))
    affordable = int(np.searchsorted(total, BUDGET, side="right"))
    return np.concatenate([partitions, near[: min(affordable, max(index.probes, doubtful))]])
