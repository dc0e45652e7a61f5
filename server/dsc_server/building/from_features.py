"""Features that were extracted elsewhere → index directory: the work of `dsc-server build --features`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dsc_common.errors import InvalidInputError
from dsc_common.features.extractor import Extractor, ModelInfo
from dsc_common.features.feature_file import read_features
from dsc_common.features.feature_table import FeatureTable
from dsc_common.files.room import room_in
from dsc_common.files.staging import check_target, real_target, reserved, staged
from dsc_common.progress import Track, untracked
from dsc_model.whitening.file import read_whitening
from dsc_server.building.options import BuildOptions
from dsc_server.building.packet_options import packet_format_of, precision_of, spec_of
from dsc_server.building.writing import FEATURES_FILE, copy_model, new_features, write_built
from dsc_server.index.catalogue import CatalogueImage
from dsc_server.index.manifest import DEFAULT_MODEL_NAME, MODEL, IndexManifest, is_index

BACKBONE = "features"  # in the manifest, in place of a network


def build_from_features(
    file: Path,
    target: Path,
    options: BuildOptions,
    *,
    say: Callable[[str], None],
    track: Track[Any] = untracked,
) -> IndexManifest:
    """Build the index directory of the database of a feature file; it appears complete or not at all.

    Args:
        file: the feature file.
        target: the index directory.
        options: options of the build. With a model, devices can query the index with photos, too; it must
            have the F and K of the file.
        say: receives lines for the user.
        track: shows progress.

    Raises:
        InvalidInputError: the file is not as `read_features` expects, or does not fit scheme, model or
            whitening; or the target holds other files.
        DscError: the disk of the target is full.
    """
    spec = spec_of(options)
    whitening = None if options.whitening is None else read_whitening(options.whitening)
    target = real_target(target)
    with reserved(target), room_in(target.parent):
        check_target(target, overwrite=options.overwrite, is_ours=is_index)
        table = read_features(file).database
        fmt = packet_format_of(options, table.num_labels)
        model_sha256 = ""  # of the features: not known without a model
        if options.model is not None:
            model = Extractor.from_file(options.model).info
            _require_fit(table, model, options.model)
            model_sha256 = model.sha256
        if whitening is not None:
            whitening.require_fit(table.features.shape[1], model_sha256)
        with staged(target, lambda old: options.overwrite and is_index(old)) as folder:
            backbone, precision = BACKBONE, DEFAULT_MODEL_NAME
            if options.model is not None:
                info = copy_model(options.model, folder / MODEL, say).info
                backbone, precision = info.backbone, info.precision
            catalogue = [
                CatalogueImage(name, name, label)
                for name, label in zip(table.names, table.labels[:, 0].tolist(), strict=True)
            ]
            features = new_features(folder / FEATURES_FILE, *table.features.shape)
            table.copy_unit_rows(features, track=track)
            return write_built(
                *(folder, features, table.labels, catalogue, backbone, fmt, spec, options.seed, track),
                precision=precision,
                words=precision_of(options, spec),
                whitening=whitening,
            )


def _require_fit(table: FeatureTable, info: ModelInfo, model: Path) -> None:
    expected = (info.feature_dim, len(info.labels))
    found = (table.features.shape[1], table.num_labels)
    if found != expected:
        raise InvalidInputError(
            f"expected features of the model {model}, F = {expected[0]} and K = {expected[1]}, "
            f"got F = {found[0]} and K = {found[1]}"
        )
