"""One estimate of q from several codes: the reconstructions q̂^{i_t} (eq. 13), averaged with weights √n_i.

All codes of a packet describe the same q, and their errors point in different directions. The expected error
of a code falls with the number of words n_i of its partition; its weight grows with √n_i. An empty
partition has weight 0.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import EncoderCodebook, reconstruct
from dsc_common.codebook.word_table import encode_residuals, word_table


def fusion_weights(codebook: EncoderCodebook, labels: Sequence[int]) -> NDArray[np.float32]:
    """(T,) float32: √n_i of each label's partition; 0 for an empty one."""
    return np.sqrt(codebook.num_words[list(labels)]).astype(np.float32)


def fuse(codebook: EncoderCodebook, labels: Sequence[int], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Weighted mean of the reconstructions.

    Args:
        codebook: C and R.
        labels: T labels, each below K.
        codes: (T, M) uint8.

    Returns:
        (F,) float32; zeros when all partitions are empty.
    """
    weights = fusion_weights(codebook, labels)
    total = np.zeros(codebook.dim, dtype=np.float32)
    for label, code, weight in zip(labels, codes, weights, strict=True):
        if weight > 0:
            total += weight * reconstruct(codebook, label, code)
    return total / max(float(weights.sum()), 1e-12)


def encode_sequentially(
    feature: NDArray[np.float32], codebook: EncoderCodebook, labels: Sequence[int]
) -> NDArray[np.uint8]:
    """Codes e_1 … e_T, each chosen for the best fused estimate of e_1 … e_t, not for its estimate alone.

    Code t encodes the vector that would move the weighted mean to q: q + (Σ_{s<t} w_s (q - q̂_s)) / w_t.

    Args:
        feature: (F,) float32, q after the transform.
        codebook: C and R.
        labels: T labels.

    Returns:
        (T, M) uint8.
    """
    codes = np.zeros((len(labels), codebook.num_subvectors), dtype=np.uint8)
    weighted_error = np.zeros_like(feature)
    for slot, (label, weight) in enumerate(zip(labels, fusion_weights(codebook, labels), strict=True)):
        if weight > 0:
            target = feature + weighted_error / weight
            c, table = codebook.codewords[label], word_table(codebook, label)
            [codes[slot]] = encode_residuals([table], (target - c)[None])
            weighted_error += weight * (feature - (c + table.decoded(codes[slot])))
    return codes
