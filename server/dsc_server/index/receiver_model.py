"""Assumptions of receiver and ranking: part of an index, since results depend on them."""

from dataclasses import dataclass, fields

from dsc_common.errors import InvalidInputError


@dataclass(frozen=True)
class ReceiverModel:
    """Assumptions of receiver and ranking; every index stores their values in its manifest.

    Attributes:
        match_distance: ‖q - x‖² of a matching image x, both of unit length; 0.4 is a cosine of 0.8.
        head_agreement: a, the probability that a label of the head is one of the matching image's labels.
        slot_independence: γ from 0 to 1; labels of one photo are correlated, so T slots count as γ T.
        chance_sigmas: penalty of an image that the head does not name, in standard deviations of the inner
            product of random unit vectors, 1/√D.
        soft_bandwidth: scale s of the soft minimum, relative to the mean distance between codewords.
        near_certain: probability from which a codeword or partition counts as certain, which keeps ties.
        max_label_evidence: largest log-likelihood ratio of the estimate of q against a label.
        clear_confidence: confidence from which the posterior mean of q ranks images, not the likelihood.
        doubtful_expansion: λ, weight of the similarity to the images that probably match, where likelihoods
            rank; 0 is none.
        partition_coverage: fraction of the expected number of head labels that the partitions read cover.
        least_inclusion: smallest probability of being in the head for which a partition is read.
    """

    match_distance: float = 0.4
    head_agreement: float = 0.5
    slot_independence: float = 0.5
    chance_sigmas: float = 0.5
    soft_bandwidth: float = 0.1
    near_certain: float = 0.95
    max_label_evidence: float = 20.0
    clear_confidence: float = 0.8
    doubtful_expansion: float = 0.1
    partition_coverage: float = 0.99
    least_inclusion: float = 1e-6

    def __post_init__(self) -> None:
        for field in fields(self):
            high = _HIGHEST.get(field.name, 1.0)
            value = getattr(self, field.name)
            if not (0 < value <= high or (value == 0 and field.name in _MAY_BE_ZERO)):
                least = "from 0 up to" if field.name in _MAY_BE_ZERO else "above 0, up to"
                raise InvalidInputError(
                    f"expected {field.name} of a receiver model {least} {high:g}, got {value:g}"
                )


_MAY_BE_ZERO = ("doubtful_expansion",)
_HIGHEST = {
    "match_distance": 4.0,
    "head_agreement": 0.999,
    "soft_bandwidth": 1e6,
    "chance_sigmas": 100.0,
    "max_label_evidence": 700.0,
}

DEFAULT_MODEL = ReceiverModel()
