"""Photos → index directory: the work of `dsc-server build`."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dsc_common.errors import InvalidImageError, InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_common.files.room import room_in
from dsc_common.files.staging import check_target, real_target, reserved, staged
from dsc_common.packet.format import PacketFormat
from dsc_common.progress import Track, untracked
from dsc_model import export_backbone
from dsc_server.building.extraction import extract_all, readable_photos
from dsc_server.building.indexing import build_index
from dsc_server.building.options import BuildOptions
from dsc_server.building.photos import find_photos
from dsc_server.index.catalogue import CatalogueImage
from dsc_server.index.files import write_index
from dsc_server.index.manifest import MODEL, IndexManifest, is_index
from dsc_server.scheme_specs import parse_scheme


def build(
    places: Sequence[Path],
    target: Path,
    options: BuildOptions,
    *,
    say: Callable[[str], None],
    track: Track[Any] = untracked,
) -> IndexManifest:
    """Build the index directory of all photos; it appears complete or not at all.

    Args:
        places: photos, or folders of photos.
        target: the index directory.
        options: options of the build.
        say: receives lines for the user, such as the name of a skipped photo.
        track: shows progress.

    Raises:
        InvalidInputError: no photo, an unreadable photo, an unknown backbone, or a target with other files.
    """

    def on_unreadable(error: InvalidImageError) -> None:
        if not options.skip_unreadable:
            raise InvalidImageError(f"{error} (--skip-unreadable leaves such files out)") from error
        say(f"left out: {error}")

    spec = parse_scheme(options.scheme)
    spec.require_head(options.head_labels)
    target = real_target(target)
    with reserved(target), room_in(target.parent):
        check_target(target, overwrite=options.overwrite, is_ours=is_index)
        photos = readable_photos(find_photos(places), on_unreadable, track)
        with staged(target, lambda old: options.overwrite and is_index(old)) as folder:
            extractor = _provide_extractor(folder / MODEL, options, say)
            info = extractor.info
            fmt = _packet_format(options, len(info.labels))
            features_file = folder / "features.npy"
            photos, features, labels = extract_all(photos, extractor, features_file, on_unreadable, track)
            if not photos:
                raise InvalidInputError("no photo could be read")
            index = build_index(features, labels, fmt, spec, seed=options.seed, track=track)
            features_file.unlink()
            catalogue = [
                CatalogueImage(photo.id, photo.uri, label)
                for photo, label in zip(photos, labels[:, 0].tolist(), strict=True)
            ]
            return write_index(folder, index, catalogue, spec, info.backbone, info.feature_dim)


def _provide_extractor(path: Path, options: BuildOptions, say: Callable[[str], None]) -> Extractor:
    if options.model is not None:
        say(f"using the model {options.model}")
        Extractor.from_file(options.model)  # refuse a foreign file before it is copied
        shutil.copyfile(options.model, path)
    else:
        say(f"exporting {options.backbone} to ONNX")
        export_backbone(options.backbone, path, options.backbone_options)
    return Extractor.from_file(path, threads=1)


def _packet_format(options: BuildOptions, num_labels: int) -> PacketFormat:
    return PacketFormat(
        num_partitions=num_labels,
        head_labels=options.head_labels,
        num_subvectors=options.num_subvectors,
        bits_per_subvector=options.bits_per_subvector,
        head_codec=options.head_codec,
    )
