"""The tiny model of the whole-system tests obeys a backbone's contract and tells photos apart."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from skimage import data

from helpers.tiny_model import write_tiny_model

PHOTOS = ["chelsea", "coffee", "astronaut", "rocket", "camera", "coins", "moon", "page", "brick", "grass"]


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first, second, other = (
        write_tiny_model(tmp_path / name, seed=seed).read_bytes()
        for name, seed in [("a", 1), ("b", 1), ("c", 2)]
    )
    assert first == second != other


@pytest.mark.parametrize(("num_labels", "feature_dim"), [(32, 16), (1000, 64)])
def test_photos_are_told_apart(tmp_path: Path, num_labels: int, feature_dim: int) -> None:
    path = write_tiny_model(tmp_path / "tiny.onnx", num_labels, feature_dim, longest_side=48)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert len(json.loads(metadata["dsc.labels"])) == int(metadata["dsc.num_labels"]) == num_labels
    features, labels = [], set()
    for name in PHOTOS:
        image = Image.fromarray(getattr(data, name)()).convert("RGB")
        image.thumbnail((48, 48))
        pixels = np.asarray(image, dtype=np.float32).transpose(2, 0, 1)[None] / 255
        feature, probabilities = session.run(["feature", "probabilities"], {"image": pixels})
        assert feature.shape == (1, feature_dim)
        assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
        features.append(feature[0])
        labels.add(int(probabilities.argmax()))
    cosines = np.array(features) @ np.array(features).T
    np.testing.assert_allclose(np.diag(cosines), 1.0, atol=1e-5)
    assert np.median(cosines[np.triu_indices(len(PHOTOS), 1)]) < 0.5
    assert len(labels) >= 4
