"""Description of an index for people and programs."""

import numpy as np

from dsc_server.index.files import LoadedIndex


def describe(loaded: LoadedIndex) -> dict[str, str | int | float]:
    """Properties of an index: name → value."""
    manifest, index = loaded.manifest, loaded.index
    sizes = index.list_sizes
    return {
        "scheme": manifest.scheme,
        **({} if manifest.whitening is None else {"whitening": manifest.whitening}),
        "codebook_version": manifest.codebook_version,
        "backbone": manifest.backbone,
        "images": index.num_images,
        "feature_dim": manifest.feature_dim,
        "labels": index.format.num_partitions,
        "head_labels": index.format.head_labels,
        "head_codec": str(index.format.head_codec),
        "subvectors": index.format.num_subvectors,
        "bits_per_subvector": index.format.bits_per_subvector,
        "packet_bytes": index.format.packet_bytes,
        "payload": str(index.format.payload),
        "ranking": str(index.ranking),
        "entries": int(index.images.size),
        "partitions_in_use": int(np.count_nonzero(sizes)),
        "partitions_of_1_image": int(np.count_nonzero(sizes == 1)),
        "largest_partition": int(sizes.max()),
        "words": int(index.codebook.num_words.sum()),
        "words_type": str(index.codebook.words.dtype),
        "models": ", ".join(model.name for model in manifest.accepted),
        **{f"bytes_{name}": entry.size_bytes for name, entry in manifest.files.items()},
    }
