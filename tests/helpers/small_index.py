"""A small index of random features, built in a moment, and the file of the features."""

from pathlib import Path

import numpy as np

from dsc_common.features.feature_file import FeatureFile, write_features
from dsc_common.features.feature_table import FeatureTable
from dsc_server.building.from_features import build_from_features
from dsc_server.building.options import BuildOptions

IMAGES, LABELS, DIM = 80, 32, 24


def write_small_index(folder: Path) -> Path:
    """Write FOLDER/features.safetensors, with rows named 0 to 79, and its index FOLDER/index: the first."""
    rng = np.random.default_rng(3)
    features = rng.standard_normal((IMAGES, DIM)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = np.argsort(rng.random((IMAGES, LABELS)), axis=1)[:, :5]
    probabilities = np.tile(np.float32([0.4, 0.3, 0.1, 0.1, 0.1]), (IMAGES, 1))
    table = FeatureTable([str(n) for n in range(IMAGES)], features, labels, probabilities, LABELS)
    path = folder / "features.safetensors"
    write_features(path, FeatureFile(table))
    build_from_features(path, folder / "index", BuildOptions(head_labels=5), say=lambda _line: None)
    return path
