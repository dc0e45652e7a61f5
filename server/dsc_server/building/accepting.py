"""Further networks that an index accepts, such as its int8 variant: one index serves mixed devices.

The index keeps a copy, and names it in its manifest, which is replaced as a whole; all other files stay as
they are, and so does the codebook version: packets of both networks are answered.
"""

from collections.abc import Callable
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_common.features.extractor import Extractor, ModelInfo
from dsc_common.files.room import room_in
from dsc_common.files.staging import real_target, reserved
from dsc_common.files.whole_file import write_whole
from dsc_server.building.measured_loss import MeasuredLoss
from dsc_server.index.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    MODEL,
    MODEL_FILE,
    MODELS_VERSION,
    PARTIAL_FILE,
    FileEntry,
    IndexManifest,
    ModelEntry,
    is_model_name,
    read_manifest,
)

HASH_DIGITS = 16


def accept_model(
    index: Path,
    model: Path,
    name: str | None = None,
    measured: MeasuredLoss | None = None,
    *,
    say: Callable[[str], None] = lambda _line: None,
) -> IndexManifest:
    """Make an index accept a network; readers see the index before or after, never between.

    A network of the same name is replaced. Its file stays until the next call: a server may be reading it.

    Args:
        index: the index directory.
        model: an exported network with the F, K and labels of the index's.
        name: what devices ask for; by default the network's precision.
        measured: mAP that queries lose with it; None: not measured.
        say: receives lines for a person.

    Raises:
        InvalidInputError: the network is not of the index's backbone, F, K and labels, or the name is that of
            the index's network, or none, or the loss was measured with something else.
        DamagedIndexError: the index or the network is damaged or foreign.
        DscError: the disk is full.
    """
    index = real_target(index)
    content = _read(model)
    info = Extractor(content, str(model), threads=1).info
    with reserved(index), room_in(index):
        manifest = read_manifest(index)
        name = info.precision if name is None else name
        _require_version(manifest, index)
        _require_name(manifest, name)
        _require_fit(_own_info(index, manifest), info, model)
        if measured is not None:
            _require_of(measured, manifest, info)
        _remove_unnamed(index, manifest)
        file = f"model.{info.sha256[:HASH_DIGITS]}.onnx"
        loss = None if measured is None else measured.map_loss
        changed = _with_model(manifest, ModelEntry(name=name, file=file, map_loss=loss), info, len(content))
        if any(model.name == name for model in manifest.accepted):
            say(f"replacing the network {name}")
        write_whole(index / file, content)
        write_whole(index / MANIFEST, changed.to_json().encode())
    return changed


def _read(model: Path) -> bytes:
    try:
        return model.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read {model}: {error.strerror}") from error


def _require_version(manifest: IndexManifest, index: Path) -> None:
    if manifest.format_version < FORMAT_VERSION:
        raise InvalidInputError(
            f"expected an index of format version {FORMAT_VERSION} or later, got {manifest.format_version} "
            f"(build it again with this version of dsc-server): {index}"
        )


def _require_name(manifest: IndexManifest, name: str) -> None:
    if not manifest.accepted:
        raise InvalidInputError("this index has no network: its features were extracted elsewhere")
    if not is_model_name(name):
        raise InvalidInputError(
            f"expected a name of up to 32 lower-case letters, digits, '.', '_' and '-', got {name!r}"
        )
    if name == manifest.accepted[0].name:
        raise InvalidInputError(f"the network of the index itself is named {name}: --name gives another name")


def _own_info(index: Path, manifest: IndexManifest) -> ModelInfo:
    info = Extractor.from_file(index / MODEL, threads=1).info
    if info.sha256 != manifest.files[MODEL].sha256:
        raise InvalidInputError(f"{index / MODEL} is damaged: its SHA-256 is not the one in {MANIFEST}")
    return info


def _require_fit(own: ModelInfo, info: ModelInfo, model: Path) -> None:
    if info.sha256 == own.sha256:
        raise InvalidInputError(f"{model} is the network of the index itself")
    for what, expected, given in (
        ("backbone", own.backbone, info.backbone),
        ("F", own.feature_dim, info.feature_dim),
        ("K", len(own.labels), len(info.labels)),
    ):
        if given != expected:
            raise InvalidInputError(f"expected a network with {what} = {expected}, got {given}: {model}")
    if info.labels != own.labels:
        raise InvalidInputError(f"expected a network with the labels of the index's, got others: {model}")


def _require_of(measured: MeasuredLoss, manifest: IndexManifest, info: ModelInfo) -> None:
    if measured.model_sha256 != info.sha256:
        raise InvalidInputError("the loss was measured with another network than this one")
    if measured.codebook_version != manifest.codebook_version:
        raise InvalidInputError(
            f"the loss was measured with codebook version {measured.codebook_version}, "
            f"and this index has {manifest.codebook_version}"
        )


def _remove_unnamed(index: Path, manifest: IndexManifest) -> None:
    """Remove networks that were replaced before, and what a killed process left."""
    for path in index.iterdir():
        replaced = MODEL_FILE.fullmatch(path.name) and path.name not in manifest.files
        if replaced or PARTIAL_FILE.fullmatch(path.name):
            path.unlink()


def _with_model(manifest: IndexManifest, model: ModelEntry, info: ModelInfo, size: int) -> IndexManifest:
    """The manifest with a further network, in place of those of its name or its file."""
    kept = [old for old in manifest.accepted if model.name != old.name and model.file != old.file]
    models = [*kept, model]
    names = {old.file for old in manifest.accepted} - {old.file for old in kept}
    files = {file: entry for file, entry in manifest.files.items() if file not in names}
    files[model.file] = FileEntry(size_bytes=size, sha256=info.sha256)
    update = {"format_version": MODELS_VERSION, "models": models, "files": files}
    return manifest.model_copy(update=update).sealed()
