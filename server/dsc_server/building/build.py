"""Photos → index directory: the work of `dsc-server build`."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_common.features.feature_cache import FeatureCache
from dsc_common.files.room import room_in
from dsc_common.files.staging import check_target, real_target, reserved, staged
from dsc_common.progress import Track, untracked
from dsc_model import export_or_copy, require_exportable
from dsc_model.whitening.file import Whitening, read_whitening
from dsc_server.building.extraction import extract_all, readable_photos
from dsc_server.building.options import BuildOptions
from dsc_server.building.packet_options import packet_format_of, precision_of, spec_of
from dsc_server.building.photos import Photo, find_photos
from dsc_server.building.presence import Presence
from dsc_server.building.replaced import compare_with_replaced
from dsc_server.building.tally import Tally
from dsc_server.building.writing import FEATURES_FILE, copy_model, write_built
from dsc_server.index.catalogue import CatalogueImage
from dsc_server.index.manifest import MODEL, IndexManifest, is_index

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
            the target, a whitening of another network, photos that vanish during the build; with `strict`
            also an unreadable photo.
        DscError: the disk of the target is full, or there is no GPU.
    """
    tally = Tally(say, strict=options.strict) if tally is None else tally
    spec = spec_of(options)
    whitening = None if options.whitening is None else read_whitening(options.whitening)
    _require_network(options, whitening)
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
            if whitening is not None:
                whitening.require_fit(extractor.info.feature_dim, extractor.info.sha256)
            fmt = packet_format_of(options, len(extractor.info.labels))
            features_file = folder / FEATURES_FILE
            with _kept_features(options.feature_store, say) as cache:
                photos, features, labels = extract_all(
                    photos, extractor, features_file, tally, track, presence, cache
                )
            catalogue, info = _catalogue(photos, labels), extractor.info
            manifest = write_built(
                *(folder, features, labels, catalogue, info.backbone, fmt, spec, options.seed, track),
                precision=info.precision,
                words=precision_of(options, spec),
                whitening=whitening,
            )
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


def _provide_extractor(path: Path, options: BuildOptions, say: Callable[[str], None]) -> Extractor:
    if options.model is not None:
        return copy_model(options.model, path, say, options.hardware)
    export_or_copy(options.backbone, path, options.backbone_options, options.feature_store, say)
    return Extractor.from_file(path, threads=1, hardware=options.hardware)


def _catalogue(photos: Sequence[Photo], labels: NDArray[np.int64]) -> list[CatalogueImage]:
    if not photos:
        raise InvalidInputError("no photo could be read")
    return [
        CatalogueImage(photo.id, photo.uri, label)
        for photo, label in zip(photos, labels[:, 0].tolist(), strict=True)
    ]


def _require_network(options: BuildOptions, whitening: Whitening | None) -> None:
    """Refuse a file that is no model, or a backbone that cannot be exported, before the photos are read."""
    if options.model is None:
        require_exportable(options.backbone, options.backbone_options)
    else:
        info = Extractor.from_file(options.model, hardware=options.hardware).info
        if whitening is not None:
            whitening.require_fit(info.feature_dim, info.sha256)
