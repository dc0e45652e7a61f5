"""Removal of images from an index: their entries leave the lists, their rows stay unused."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import reconstruct
from dsc_server.index.label_model import recounted
from dsc_server.index.semantic_index import SemanticIndex


def without_images(index: SemanticIndex, rows: NDArray[np.int64]) -> SemanticIndex:
    """The index after removal; the given index is unchanged, for running queries.

    Args:
        index: the index before removal.
        rows: (n,) int64, the images to remove; rows that no list names have no effect.
    """
    kept = ~np.isin(index.images, rows)
    gone = np.flatnonzero(~kept)
    labels = np.searchsorted(index.offsets, gone, side="right") - 1
    removed_counts = np.bincount(labels, minlength=index.list_sizes.size)
    offsets = np.concatenate([[0], np.cumsum(index.list_sizes - removed_counts)]).astype(np.int64)
    old_summary = index.summary
    summary = replace(
        old_summary,
        list_sizes=old_summary.list_sizes - removed_counts,
        num_images=old_summary.num_images - np.unique(index.images[gone]).size,
        label_model=recounted(old_summary.label_model, labels, _features_of(index, gone, labels), -1),
    )
    subcells = index.subcells
    return replace(
        index,
        summary=summary,
        codes=index.codes[:, kept] if index.has_codes else index.codes,
        images=index.images[kept],
        offsets=offsets,
        subcells=None if subcells is None else replace(subcells, members=subcells.members[kept]),
    )


def _features_of(
    index: SemanticIndex, entries: NDArray[np.int64], labels: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(n, D) float32: features of entries, from their codes where the index holds no features."""
    if index.has_features:
        return index.features[index.images[entries]].astype(np.float32)
    decoded = np.zeros((entries.size, index.codebook.dim), dtype=np.float32)
    for place, (entry, label) in enumerate(zip(entries.tolist(), labels.tolist(), strict=True)):
        decoded[place] = reconstruct(index.codebook, label, index.codes[:, entry])
    return decoded
