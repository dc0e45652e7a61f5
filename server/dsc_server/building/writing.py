"""What every build ends with: features and labels → the files of an index."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.precision import Precision
from dsc_common.features.extractor import Extractor
from dsc_common.features.hardware import CPU, Hardware
from dsc_common.files.room import require_room, take_room
from dsc_common.packet.format import PacketFormat
from dsc_common.progress import Track
from dsc_model.whitening.file import Whitening
from dsc_server.building.indexing import build_index
from dsc_server.index.catalogue import CatalogueImage
from dsc_server.index.files import write_index
from dsc_server.index.manifest import DEFAULT_MODEL_NAME, IndexManifest
from dsc_server.scheme_specs import SchemeSpec

FEATURES_FILE = "features.npy"  # of the database before it is indexed; removed and written again


def new_features(file: Path, num_images: int, feature_dim: int) -> NDArray[np.float32]:
    """(N, F) float32 zeros, memory-mapped from a new `FEATURES_FILE` for which there is room.

    Raises:
        OSError: the disk has too little room.
    """
    shape = (num_images, feature_dim)
    features = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
    take_room(file, file.stat().st_size)
    return features


def write_built(
    folder: Path,
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    catalogue: list[CatalogueImage],
    backbone: str,
    fmt: PacketFormat,
    spec: SchemeSpec,
    seed: int,
    track: Track[Any],
    precision: str = DEFAULT_MODEL_NAME,
    words: Precision = Precision.FLOAT16,
    whitening: Whitening | None = None,
) -> IndexManifest:
    """Index a database and write all files but the model.

    Args:
        folder: of the index; it holds the model, if there is one, and `FEATURES_FILE`.
        features: (N, F) float32 of unit length, memory-mapped from `FEATURES_FILE`.
        labels: (N, A) int64, the most likely labels of each image, most likely first.
        catalogue: the images, by row.
        backbone: name of the network.
        fmt: packet format of the options.
        spec: the scheme.
        seed: seed of k-means and of the rotation.
        track: shows progress.
        precision: of the network.
        words: precision of the words.
        whitening: for the rotation, if it is not the database's alone.

    Raises:
        OSError: the disk has too little room.
    """
    projection = None if whitening is None else whitening.projection
    index = build_index(
        features, labels, fmt, spec, precision=words, seed=seed, track=track, whitening=projection
    )
    (folder / FEATURES_FILE).unlink()  # the mapped features stay
    arrays = (index.features, index.codes, index.images, index.codebook.words, index.codebook.codewords)
    require_room(folder, sum(array.nbytes for array in arrays))
    source = None if whitening is None else whitening.source
    return write_index(folder, index, catalogue, spec, backbone, features.shape[1], precision, source)


def copy_model(model: Path, target: Path, say: Callable[[str], None], hardware: Hardware = CPU) -> Extractor:
    """Copy an exported model, which was loaded once to see that it is one, into an index, and load it.

    Raises:
        OSError: the disk has too little room.
    """
    say(f"using the model {model}")
    require_room(target.parent, model.stat().st_size)
    shutil.copyfile(model, target)
    return Extractor.from_file(target, threads=1, hardware=hardware)
