"""An index directory: written with checksums, and read only if every file agrees with them.

manifest.json           description of the index; size and SHA-256 of every other file; its checksum
codebook.safetensors    C and R, as the device downloads them
model.onnx              the extractor, as the device downloads it; absent if features came from elsewhere
model.HASH.onnx         a further network that the index accepts, such as the int8 variant (format version 6)
lists.safetensors       the inverted lists: codes, images, offsets
catalogue.jsonl         row, id, URI and label of every image
features.npy            features that estimates of q are compared with; may be empty
summary.safetensors     the label model of the receivers (not in format version 4)
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from dsc_common.codebook.codebook import are_offsets
from dsc_common.codebook.file import codebook_from_bytes, codebook_to_bytes, codebook_version, load_tensors
from dsc_common.codebook.manifest import ArtifactKind
from dsc_common.errors import DamagedIndexError, InvalidInputError
from dsc_server.index.catalogue import (
    Catalogue,
    CatalogueImage,
    by_row,
    catalogue_from_bytes,
    catalogue_to_bytes,
)
from dsc_server.index.kept_file import KeptFile
from dsc_server.index.label_model import LabelModel
from dsc_server.index.manifest import (
    ARTIFACTS,
    CATALOGUE,
    CODEBOOK,
    DEFAULT_MODEL_NAME,
    FEATURES,
    FILES,
    FORMAT_VERSION,
    LISTS,
    MANIFEST,
    MODEL,
    MODELS_VERSION,
    SUMMARY,
    FileEntry,
    IndexManifest,
    ModelEntry,
    PacketEntry,
    read_manifest,
)
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.index.subcells import SubCells
from dsc_server.index.summary import DatabaseSummary, learn_labels
from dsc_server.scheme_specs import Partitioning, SchemeSpec

_LIST_TENSORS = {"codes": ("uint8",), "images": ("int64",), "offsets": ("int64",)}
_SUMMARY_TENSORS = {"sizes": ("int64",), "means": ("float32",), "beta": ("float64",)}
_SUBCELL_TENSORS = {"alphas": ("float32",), "neighbours": ("int64",), "members": ("int64",)}


@dataclass(frozen=True, eq=False)
class LoadedIndex:
    """A loaded index; devices download its `artifacts`, and `features_file` may be memory-mapped.

    `further_models` are the networks beside that of the index which it accepts, by their SHA-256.
    """

    manifest: IndexManifest
    index: SemanticIndex
    catalogue: dict[int, CatalogueImage]
    artifacts: dict[ArtifactKind, KeptFile]
    features_file: KeptFile
    further_models: Mapping[str, KeptFile] = field(default_factory=dict)


def write_index(
    folder: Path,
    index: SemanticIndex,
    catalogue: Catalogue,
    spec: SchemeSpec,
    backbone: str,
    feature_dim: int,
    precision: str = DEFAULT_MODEL_NAME,
    whitening: str | None = None,
) -> IndexManifest:
    """Write all files but model.onnx, which is there already if there is one; the manifest comes last.

    An index of a network in another precision than float32 names it, in format version 6, and so does one of
    a whitening that was learned from pairs.
    """
    lists = {key: getattr(index, key) for key in _LIST_TENSORS}
    if index.subcells is not None:
        lists |= {key: getattr(index.subcells, key) for key in _SUBCELL_TENSORS}
    codebook = codebook_to_bytes(index.codebook)
    (folder / CODEBOOK).write_bytes(codebook)
    (folder / LISTS).write_bytes(save({key: np.ascontiguousarray(array) for key, array in lists.items()}))
    np.save(folder / FEATURES, index.features, allow_pickle=False)
    (folder / CATALOGUE).write_bytes(catalogue_to_bytes(by_row(catalogue)))
    (folder / SUMMARY).write_bytes(_summary_bytes(index.summary.label_model))
    names = [name for name in FILES if name != MODEL or (folder / MODEL).exists()]
    files = {name: _entry_of(folder / name) for name in names}
    model_sha256 = files[MODEL].sha256 if MODEL in files else ""
    own = [ModelEntry(name=precision, file=MODEL)] if MODEL in files else []
    named = own if precision != DEFAULT_MODEL_NAME and own else None
    manifest = IndexManifest(
        format_version=MODELS_VERSION if named or whitening or _is_int8(index) else FORMAT_VERSION,
        models=named,
        scheme=spec.name,
        whitening=whitening,
        codebook_version=codebook_version(codebook, model_sha256, index.format.key),
        backbone=backbone,
        feature_dim=feature_dim,
        num_images=len(catalogue),
        packet=PacketEntry.model_validate(
            {key: _plain(value) for key, value in asdict(index.format).items()}
        ),
        files=files,
        receiver_model=asdict(index.summary.receiver_model),
    )
    manifest = manifest.sealed()
    (folder / MANIFEST).write_text(manifest.to_json())
    return manifest


def read_index(folder: Path) -> LoadedIndex:
    """Read an index, with every file checked against the manifest.

    Raises:
        DamagedIndexError: a file is missing, altered, or does not fit the others.
    """
    manifest = read_manifest(folder)
    data = {name: KeptFile(folder / name, entry) for name, entry in manifest.files.items()}
    codebook = data[CODEBOOK][:]
    version = codebook_version(codebook, manifest.model_sha256, manifest.packet_format.key)
    if version != manifest.codebook_version:
        raise DamagedIndexError(
            f"{folder / MANIFEST} is damaged: expected codebook version {version}, "
            f"got {manifest.codebook_version}"
        )
    lists, subcells = _lists_from(data[LISTS][:], manifest.spec, str(folder / LISTS))
    features = _features_of(data[FEATURES], folder / FEATURES)
    stored = data[SUMMARY][:] if SUMMARY in data else None
    try:
        index = SemanticIndex(
            _summary_of(manifest, codebook, lists, features, stored, folder),
            **lists,
            features=features,
            subcells=subcells,
            ranking=manifest.spec.ranking,
            expansion=manifest.spec.expansion,
        )
    except InvalidInputError as error:
        raise DamagedIndexError(f"{folder} is damaged: {error}") from error
    catalogue = catalogue_from_bytes(data[CATALOGUE][:], str(folder / CATALOGUE))
    if sorted(catalogue) != index.rows.tolist() or len(catalogue) != manifest.num_images:
        raise DamagedIndexError(f"{folder} is damaged: its lists do not hold its images")
    artifacts = {kind: data[name] for kind, name in ARTIFACTS.items() if name in data}
    further = {manifest.files[m.file].sha256: data[m.file] for m in manifest.accepted if m.file != MODEL}
    return LoadedIndex(manifest, index, catalogue, artifacts, data[FEATURES], further)


def _summary_bytes(model: LabelModel) -> bytes:
    return save({"sizes": model.sizes, "means": model.means, "beta": np.array([model.beta])})


def _summary_of(
    manifest: IndexManifest,
    codebook_data: bytes,
    lists: dict[str, NDArray[Any]],
    features: NDArray[Any],
    stored: bytes | None,
    folder: Path,
) -> DatabaseSummary:
    """The stored summary; for an index of version 4, a summary learned from its lists and features."""
    codebook = codebook_from_bytes(codebook_data, str(folder / CODEBOOK))
    fmt = manifest.packet_format
    if not are_offsets(lists["offsets"], fmt.num_partitions):
        raise InvalidInputError("expected K + 1 list offsets that start at 0 and never fall")
    if stored is None:
        model = learn_labels(codebook, lists["codes"], lists["images"], lists["offsets"], features)
    else:
        model = _label_model_from(stored, str(folder / SUMMARY))
    sizes = np.diff(lists["offsets"])
    return DatabaseSummary(
        fmt, codebook, sizes, manifest.num_images, model, manifest.spec.probes, manifest.assumptions
    )


def _label_model_from(data: bytes, name: str) -> LabelModel:
    tensors: dict[str, Any] = load_tensors(data, _SUMMARY_TENSORS, name)
    sizes, means, beta = tensors["sizes"], tensors["means"], tensors["beta"]
    if sizes.ndim != 1 or means.ndim != 2 or beta.shape != (1,) or not np.isfinite(beta).all():
        raise DamagedIndexError(f"{name} is damaged: expected sizes (K,), means (K, D) and one beta")
    return LabelModel(sizes, means, float(beta[0]))


def _lists_from(data: bytes, spec: SchemeSpec, name: str) -> tuple[dict[str, NDArray[Any]], SubCells | None]:
    if spec.partitioning is not Partitioning.GROUPED:
        return load_tensors(data, _LIST_TENSORS, name), None
    tensors = load_tensors(data, _LIST_TENSORS | _SUBCELL_TENSORS, name)
    parts: dict[str, Any] = {key: tensors.pop(key) for key in _SUBCELL_TENSORS}
    return tensors, SubCells(**parts)


def _features_of(file: KeptFile, path: Path) -> NDArray[Any]:
    features = file.array()
    if features.ndim != 2 or features.dtype not in (np.float16, np.float32):
        raise DamagedIndexError(f"{path} is damaged: expected (N, D) floats, got {features.shape}")
    return features


def _plain(value: object) -> object:
    return str(value) if isinstance(value, str) else value  # a StrEnum's text


def _is_int8(index: SemanticIndex) -> bool:
    return index.codebook.words.dtype == np.int8


def _entry_of(path: Path) -> FileEntry:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(size_bytes=path.stat().st_size, sha256=digest)
