"""Feature and probabilities of a photo → DSC packet (eqs. 4–6, 11, 12)."""

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook import Codebook, encode_residual
from dsc_common.packet import Packet


def top_labels(probabilities: NDArray[np.float32], head_labels: int) -> NDArray[np.int64]:
    """(K,) → (T,) int64: the T most likely labels, most likely first (eq. 11); among equals the lowest."""
    return np.argsort(-probabilities, kind="stable")[:head_labels].astype(np.int64)


def encode(
    feature: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    codebook: Codebook,
    head_labels: int,
) -> Packet:
    """Head h, and e_t = PQ code of q - c^{i_t} in partition i_t, for t = 1 … T.

    Args:
        feature: (F,) float32, q.
        probabilities: (K,) float32, p.
        codebook: C and R.
        head_labels: T.
    """
    labels = top_labels(probabilities, head_labels)
    codes = [
        encode_residual(feature - codebook.codewords[label], codebook.subcodebooks(label))
        for label in labels.tolist()
    ]
    return Packet(labels, np.stack(codes))
