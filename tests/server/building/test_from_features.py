"""An index of a feature file: served and queried like one of photos, without a network."""

from pathlib import Path

import numpy as np
import pytest

from dsc_channel.transmission import transmit
from dsc_common.codebook.manifest import ArtifactKind
from dsc_common.errors import InvalidInputError
from dsc_common.features.feature_file import FeatureFile, write_features
from dsc_common.features.feature_table import FeatureTable
from dsc_common.radio.link import LinkSettings
from dsc_common.retrieval.options import RetrievalOptions
from dsc_device.encoder_kit import EncoderKit
from dsc_device.rows import find_rows
from dsc_server.building.from_features import build_from_features
from dsc_server.building.options import BuildOptions
from dsc_server.index.files import read_index
from dsc_server.index.manifest import MODEL
from dsc_server.retrieval import retrieve

K, F, N = 12, 24, 60


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """60 images of 12 labels; each is a query too, a little off. Lengths differ; half precision."""
    rng = np.random.default_rng(5)
    features = rng.standard_normal((N, F)) * rng.uniform(0.5, 20, (N, 1))
    p = np.sort(rng.dirichlet(np.full(K, 0.3), N).astype(np.float32), axis=1)[:, ::-1]
    labels = np.stack([rng.permutation(K) for _ in range(N)])
    names = [f"album/{number:02d}.jpg" for number in range(N)]
    database = FeatureTable(names, features.astype(np.float16), labels, p, K)
    queries = FeatureTable(names, (1.1 * features).astype(np.float32), labels, p, K)
    write_features(tmp_path / "f.safetensors", FeatureFile(database, queries))
    return tmp_path / "f.safetensors"


@pytest.mark.parametrize(
    "scheme", ["dsc+M=8", "dsc-pq", "dsc-raw", "duc-ivf-pq+K=8", "duc-pq+M=8", "exhaustive"]
)
def test_rows_find_themselves(scheme: str, file: Path, tmp_path: Path) -> None:
    manifest = build_from_features(file, tmp_path / "index", BuildOptions(scheme=scheme), say=print)
    assert (manifest.num_images, manifest.feature_dim, manifest.backbone) == (N, F, "features")
    assert MODEL not in manifest.files
    loaded = read_index(tmp_path / "index")
    assert set(loaded.artifacts) == {ArtifactKind.CODEBOOK}
    offer = loaded.manifest.offer()
    assert set(offer.artifacts) == {ArtifactKind.CODEBOOK}
    kit = EncoderKit(offer, loaded.index.codebook, None)
    first = 0
    for row in find_rows(file):
        packet = kit.encode(row.content)
        signal = transmit(packet.data, packet.format, LinkSettings(snr_db=np.inf), row.name)
        best = retrieve(loaded.index, loaded.catalogue, [signal], RetrievalOptions(1)).images[0]
        assert best.uri == best.image_id
        first += best.image_id == row.name
    assert first >= 0.9 * N


def test_a_model_may_come_with_the_features_if_it_fits(file: Path, tmp_path: Path, tiny_model: Path) -> None:
    with pytest.raises(InvalidInputError, match=rf"got F = {F} and K = {K}$"):
        build_from_features(file, tmp_path / "index", BuildOptions(model=tiny_model), say=lambda _line: None)
    assert not (tmp_path / "index").exists()


def test_rows_are_chosen_by_name(file: Path) -> None:
    assert [row.name for row in find_rows(file, ["album/07.jpg", "album/03.jpg"])] == [
        "album/07.jpg",
        "album/03.jpg",
    ]
    with pytest.raises(InvalidInputError, match="expected the name of a row, got album"):
        find_rows(file, ["album"])
