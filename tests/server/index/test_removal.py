"""Images go: the lists, the counts and the answers are those of a database that never held them."""

from pathlib import Path

import numpy as np
import pytest

from dsc_channel.transmission import transmit
from dsc_common.packet.format import PacketFormat
from dsc_common.radio.link import LinkSettings
from dsc_common.retrieval.options import Ranking
from dsc_server.building.indexing import build_index
from dsc_server.index.catalogue import CatalogueImage
from dsc_server.index.files import read_index, write_index
from dsc_server.index.label_model import LabelModel, recounted
from dsc_server.index.removal import without_images
from dsc_server.ranking.rank import rank
from dsc_server.receiving.registry import receive
from dsc_server.scheme_specs import parse_scheme
from helpers.clusters import index_of, packed, queries
from helpers.examples import random_index

SCHEMES = ["dsc+M=8", "dsc-pq", "dsc-pq+spill=3+fused", "dsc-raw", "duc-gp-raw+K=9", "duc-pq+M=8"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_answers_are_those_before_without_the_images_that_are_gone(scheme: str) -> None:
    index = index_of(scheme)
    gone = np.arange(0, index.num_images, 3)
    fewer = without_images(index, gone)
    assert fewer.num_images == fewer.summary.num_images == index.num_images - gone.size
    assert fewer.list_sizes.tolist() == fewer.summary.list_sizes.tolist()
    assert fewer.summary.label_model.sizes.tolist() == fewer.list_sizes.tolist()
    for number, query in enumerate(queries(5)[0]):
        signal = transmit(packed(index, scheme, query), index.format, LinkSettings(snr_db=6.0), f"{number}")
        decoded = receive(index.summary, [signal])
        # The same packet as decoded before: what the lists hold is all that changes.
        for everything in (False, True):
            before = rank(index, decoded, index.ranking, everything=everything)
            after = rank(fewer, decoded, index.ranking, everything=everything)
            kept = [image for image in before.images.tolist() if image % 3]
            if index.ranking is Ranking.ESTIMATE and index.expansion:
                assert sorted(after.images.tolist()) == sorted(kept)  # q is averaged with other results
            elif index.subcells is None:
                assert after.images.tolist() == kept
            assert not set(after.images.tolist()) & set(gone.tolist())


def test_the_label_model_is_that_of_what_is_left() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((60, 8)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = rng.integers(0, 4, 60)
    index = build_index(features, labels, PacketFormat(4, 2, 4), parse_scheme("dsc-raw"))
    fewer = without_images(index, np.flatnonzero(labels == 2)[:-1])
    model = fewer.summary.label_model
    assert model.sizes.tolist() == [*np.bincount(labels[labels < 2]), 1, (labels == 3).sum()]
    last = features[np.flatnonzero(labels == 2)[-1]]
    np.testing.assert_allclose(model.means[2], last, atol=1e-5)
    empty = without_images(fewer, np.flatnonzero(labels == 2)[-1:]).summary.label_model
    assert (empty.sizes[2], empty.means[2].tolist()) == (0, [0] * 8)
    back = recounted(empty, np.array([2]), last[None], 1)
    np.testing.assert_allclose(back.means, model.means, atol=1e-6)
    with pytest.raises(ValueError, match="expected to remove images that the partitions list"):
        recounted(empty, np.array([2]), last[None], -1)


def test_an_index_with_holes_is_written_and_read(tmp_path: Path) -> None:
    folder = tmp_path
    fmt = PacketFormat(4, 2, 2, 2)
    index = without_images(random_index(np.random.default_rng(1), [3, 0, 5, 1], fmt, 3), np.array([0, 4]))
    (folder / "model.onnx").write_bytes(b"model")
    catalogue = {row: CatalogueImage(f"{row}", f"file:///{row}", 0) for row in index.rows.tolist()}
    write_index(folder, index, catalogue, parse_scheme("dsc-pq"), "tiny", feature_dim=6)
    loaded = read_index(folder)
    assert loaded.catalogue == catalogue
    assert loaded.index.images.tolist() == index.images.tolist()
    assert loaded.manifest.num_images == 7


def test_nothing_removed_is_nothing_changed() -> None:
    index = index_of("dsc-pq")
    same = without_images(index, np.array([10**6]))
    assert same.images.tolist() == index.images.tolist()
    assert isinstance(same.summary.label_model, LabelModel)
    np.testing.assert_allclose(same.summary.label_model.means, index.summary.label_model.means, atol=1e-6)
