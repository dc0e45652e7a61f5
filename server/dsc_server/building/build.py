"""Photos → index directory: the work of `dsc-server build`."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dsc_common.errors import InvalidInputError
from dsc_common.features.extractor import Extractor, ModelInfo
from dsc_common.features.feature_cache import FeatureCache
from dsc_common.files.room import require_room, room_in
from dsc_common.files.staging import check_target, real_target, reserved, staged
from dsc_common.packet.format import PacketFormat
from dsc_common.progress import Track, untracked
from dsc_model import export_backbone, require_exportable
from dsc_server.building.extraction import Extracted, extract_all, readable_photos
from dsc_server.building.indexing import build_index
from dsc_server.building.options import BuildOptions
from dsc_server.building.packet_options import head_labels_of, packet_format_of, require_effect
from dsc_server.building.photos import find_photos
from dsc_server.building.presence import Presence
from dsc_server.building.replaced import compare_with_replaced
from dsc_server.building.tally import Tally
from dsc_server.index.catalogue import CatalogueImage
from dsc_server.index.files import write_index
from dsc_server.index.manifest import MODEL, IndexManifest, is_index
from dsc_server.scheme_specs import SchemeSpec, parse_scheme

MAX_KEPT = 500_000  # photos whose features are kept for later builds: 5 GB with 1280 dimensions


def build(
    places: Sequence[Path],
    target: Path,
    options: BuildOptions,
    *,
    say: Callable[[str], None],
    track: Track[Any] = untracked,
    tally: Tally | None = None,
) -> IndexManifest:
    """Build the index directory of all photos; it appears complete or not at all.

    Args:
        places: photos, or folders of photos.
        target: the index directory.
        options: options of the build.
        say: receives lines for the user, such as the name of a photo that is left out.
        track: shows progress.
        tally: counts what is left out; by default it calls `say`.

    Raises:
        InvalidInputError: no photo, an unknown backbone, a target with other files, features kept inside
            the target, photos that vanish during the build; with `strict` also an unreadable photo.
        DscError: the disk of the target is full.
    """
    tally = Tally(say, strict=options.strict) if tally is None else tally
    spec = parse_scheme(options.scheme)
    require_effect(options, spec)
    spec.require_head(head_labels_of(options))
    _require_network(options)
    target = real_target(target)
    _require_apart(options.feature_store, target)
    with reserved(target), room_in(target.parent):
        check_target(target, overwrite=options.overwrite, is_ours=is_index)
        presence = Presence(places)
        found = find_photos(places, options.exclude, tally, track)
        if options.overwrite:
            compare_with_replaced(target, places, found, say)
        photos = readable_photos(found, tally, track, presence)
        with staged(target, lambda old: options.overwrite and is_index(old)) as folder:
            extractor = _provide_extractor(folder / MODEL, options, say)
            fmt = packet_format_of(options, len(extractor.info.labels))
            features_file = folder / "features.npy"
            with _kept_features(options.feature_store, say) as cache:
                extracted = extract_all(photos, extractor, features_file, tally, track, presence, cache)
            manifest = _write(folder, extracted, extractor.info, fmt, spec, options.seed, track)
    tally.say_totals()
    return manifest


def _require_apart(store: Path | None, target: Path) -> None:
    """Refuse a folder of kept features that is the index or in it: an index is replaced as a whole."""
    real = None if store is None else Path(os.path.realpath(store))
    if real is not None and (real == target or target in real.parents):
        raise InvalidInputError(f"expected a folder for features outside the index, got {store}")


@contextlib.contextmanager
def _kept_features(folder: Path | None, say: Callable[[str], None]) -> Iterator[FeatureCache | None]:
    if folder is None:
        yield None
        return
    with FeatureCache(folder, say) as cache:
        yield cache
        cache.keep_newest(MAX_KEPT)


def _write(
    folder: Path,
    extracted: Extracted,
    info: ModelInfo,
    fmt: PacketFormat,
    spec: SchemeSpec,
    seed: int,
    track: Track[Any],
) -> IndexManifest:
    photos, features, labels = extracted
    if not photos:
        raise InvalidInputError("no photo could be read")
    index = build_index(features, labels, fmt, spec, seed=seed, track=track)
    catalogue = [
        CatalogueImage(photo.id, photo.uri, label)
        for photo, label in zip(photos, labels[:, 0].tolist(), strict=True)
    ]
    (folder / "features.npy").unlink()  # the mapped features stay
    arrays = (index.features, index.codes, index.images, index.codebook.words, index.codebook.codewords)
    require_room(folder, sum(array.nbytes for array in arrays))
    return write_index(folder, index, catalogue, spec, info.backbone, info.feature_dim)


def _require_network(options: BuildOptions) -> None:
    """Refuse a file that is no model, or a backbone that cannot be exported, before the photos are read."""
    if options.model is None:
        require_exportable(options.backbone, options.backbone_options)
    else:
        Extractor.from_file(options.model)


def _provide_extractor(path: Path, options: BuildOptions, say: Callable[[str], None]) -> Extractor:
    if options.model is not None:
        say(f"using the model {options.model}")
        require_room(path.parent, options.model.stat().st_size)
        shutil.copyfile(options.model, path)
    else:
        say(f"exporting {options.backbone} to ONNX")
        export_backbone(options.backbone, path, options.backbone_options)
    return Extractor.from_file(path, threads=1)
