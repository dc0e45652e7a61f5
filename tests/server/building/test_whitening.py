"""`dsc-server build --whitening`: in the codebook and the manifest; refused with another network."""

from pathlib import Path

import numpy as np
import pytest

from dsc_common.errors import InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_common.features.feature_file import FeatureFile, write_features
from dsc_common.features.feature_table import FeatureTable
from dsc_model.whitening.file import Whitening, write_whitening
from dsc_model.whitening.whiten import whiten
from dsc_server.building.build import build
from dsc_server.building.from_features import build_from_features
from dsc_server.building.options import BuildOptions
from dsc_server.building.rotation import learn_rotation
from dsc_server.index.description import describe
from dsc_server.index.files import read_index
from dsc_server.index.manifest import FORMAT_VERSION, MODELS_VERSION
from helpers import in_process
from helpers.tiny_model import write_tiny_model

SCHEME = "dsc-shared+M=4+D=8"
N = 40


def silent(_line: str) -> None:
    pass


@pytest.fixture(scope="module")
def whitening(tiny_model: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whitening") / "w.safetensors"
    whiten(tiny_model, photos, path)
    return path


def random_features(path: Path, width: int) -> np.ndarray:
    features = np.random.default_rng(0).standard_normal((N, width)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = np.tile(np.arange(6), (N, 1))
    table = FeatureTable(
        [str(row) for row in range(N)], features, labels, np.full((N, 6), 1 / 6, np.float32), 32
    )
    write_features(path, FeatureFile(table))
    return features


def test_the_codebook_has_the_rotation_after_the_whitening(tmp_path: Path) -> None:
    features = random_features(tmp_path / "f.safetensors", 16)
    projection = np.random.default_rng(1).standard_normal((16, 16)).astype(np.float32)
    file = tmp_path / "w"
    write_whitening(file, Whitening(np.zeros(16, np.float32), projection, "c" * 64, "things", 1200))
    options = BuildOptions(scheme=SCHEME, whitening=file)
    manifest = build_from_features(tmp_path / "f.safetensors", tmp_path / "index", options, say=silent)
    loaded = read_index(tmp_path / "index")
    expected = learn_rotation(features, 8, 0, projection)
    np.testing.assert_allclose(loaded.index.codebook.transform.projection, expected.projection, atol=1e-4)
    assert (manifest.format_version, manifest.whitening) == (MODELS_VERSION, "1,200 pairs of things")
    assert describe(loaded)["whitening"] == "1,200 pairs of things"
    plain = BuildOptions(scheme=SCHEME)
    other = build_from_features(tmp_path / "f.safetensors", tmp_path / "other", plain, say=silent)
    assert other.codebook_version != manifest.codebook_version
    assert (other.format_version, other.whitening) == (FORMAT_VERSION, None)
    assert "whitening" not in describe(read_index(tmp_path / "other"))


def test_photos_are_indexed_and_info_names_the_pairs(
    tiny_model: Path, photos: Path, whitening: Path, tmp_path: Path
) -> None:
    options = ("--model", tiny_model, "--scheme", SCHEME, "--whitening", whitening)
    built = in_process.run("dsc_server", "build", photos, "--index", tmp_path / "index", *options)
    assert built.returncode == 0, built.stderr
    info = in_process.run("dsc_server", "info", "--index", tmp_path / "index")
    assert "60 pairs of photos" in info.stdout


def test_one_of_another_network_is_refused_before_photos_are_read(
    photos: Path, whitening: Path, tmp_path: Path
) -> None:
    other = write_tiny_model(tmp_path / "other.onnx", seed=1)
    options = ("--model", other, "--scheme", SCHEME, "--whitening", whitening)
    done = in_process.run("dsc_server", "build", tmp_path / "none", "--index", tmp_path / "index", *options)
    sha256 = Extractor.from_file(other).info.sha256[:16]
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: expected a whitening of the network {sha256}…, got one of ")
    assert not (tmp_path / "index").exists()


def test_one_of_another_width_or_scheme_is_refused(
    whitening: Path, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    random_features(tmp_path / "f.safetensors", 24)
    with pytest.raises(InvalidInputError, match="expected a whitening with F = 24, got F = 16"):
        build_from_features(
            tmp_path / "f.safetensors",
            tmp_path / "index",
            BuildOptions(scheme=SCHEME, whitening=whitening),
            say=silent,
        )
    options = BuildOptions(scheme="dsc-pq", model=tiny_model, whitening=whitening)
    with pytest.raises(InvalidInputError, match=r"^--whitening changes nothing in scheme 'dsc-pq'"):
        build([photos], tmp_path / "index", options, say=silent)
    assert not (tmp_path / "index").exists()
