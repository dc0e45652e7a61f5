"""A benchmark of printed covers from any folder of photos: each query photographs a cover of the database."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from dsc_common.benchmark.photos_below import photos_below
from dsc_common.errors import InvalidInputError
from dsc_common.features.images import load_photo
from dsc_common.files.staging import check_target, real_target, reserved, staged
from dsc_common.progress import Track, untracked
from dsc_common.randomness import keyed_rng
from dsc_eval.datasets.printed_cover import printed_cover
from dsc_eval.datasets.rephotographed import PhoneCamera, rephotograph

CLUTTER_EVERY = 5  # one photo of five is clutter, and in no database
GROUND_TRUTH = "ground_truth.json"
JPEG_QUALITY = 85
MAX_SIDE = 1024  # pixels of a cover; photographs are smaller


@dataclass(frozen=True)
class _Sorted:
    """Names of the photos that are covers, and files of those that are clutter."""

    covers: dict[str, Path]
    clutter: list[Path]


def make_cover_benchmark(
    photos: Path,
    out: Path,
    num_queries: int = 400,
    seed: int = 0,
    camera: PhoneCamera = PhoneCamera(),  # noqa: B008 - frozen
    track: Track[Any] = untracked,
) -> Path:
    """Write covers, photographs of them, and the ground truth; the folder appears whole or not at all.

    Args:
        photos: folder of photos, any kind of scene.
        out: folder to write.
        num_queries: covers that are photographed; the first ones in the order of a seeded permutation.
        seed: of everything that is random.
        camera: ranges that a photograph is drawn from.
        track: shows progress.

    Returns:
        The ground truth file.

    Raises:
        InvalidInputError: too few photos, or `out` is there already.
    """
    found = _sort(photos_below([photos]).paths)
    names = sorted(found.covers)
    if len(names) < num_queries or len(found.clutter) < 2:
        raise InvalidInputError(
            f"expected at least {num_queries + max(2, num_queries // (CLUTTER_EVERY - 1))} photos "
            f"in {photos}, got {len(names) + len(found.clutter)}"
        )
    order = keyed_rng(seed, "covers").permutation(len(names))[:num_queries]
    chosen = [names[number] for number in sorted(order.tolist())]
    target = real_target(out)
    with reserved(target):
        check_target(target, overwrite=False, is_ours=lambda _: False)
        with staged(target) as folder:
            for name in track(names, "printing covers", len(names)):
                _save(_cover(found, name, seed), folder / "covers" / _file_name(name))
            for name in track(chosen, "photographing covers", len(chosen)):
                picture = _photographed(found, name, seed, camera)
                _save(picture, folder / "photographs" / _photograph_name(name))
            _write_ground_truth(folder / GROUND_TRUTH, target.name, chosen)
    return target / GROUND_TRUTH


def _photographed(found: _Sorted, name: str, seed: int, camera: PhoneCamera) -> Image.Image:
    rng = keyed_rng(seed, name, "photograph")
    others = rng.choice(len(found.clutter), size=3, replace=len(found.clutter) < 3)
    clutter = [_picture(found.clutter[number]) for number in others.tolist()]
    return rephotograph(_cover(found, name, seed), clutter, rng, camera)


def _sort(photos: dict[str, Path]) -> _Sorted:
    numbered = list(enumerate(sorted(photos)))
    covers = {name: photos[name] for number, name in numbered if number % CLUTTER_EVERY}
    return _Sorted(covers, [photos[name] for number, name in numbered if number % CLUTTER_EVERY == 0])


def _cover(found: _Sorted, name: str, seed: int) -> Image.Image:
    return printed_cover(_picture(found.covers[name]), keyed_rng(seed, name, "cover"))


def _picture(path: Path) -> Image.Image:
    return load_photo(path, MAX_SIDE)


def _save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, format="JPEG", quality=JPEG_QUALITY)


def _file_name(name: str) -> str:
    return f"{name}.jpg"


def _photograph_name(name: str) -> str:
    return f"{name}.photograph.jpg"


def _write_ground_truth(path: Path, name: str, chosen: Sequence[str]) -> None:
    queries = [
        {"image": _photograph_name(cover), "positives": [_file_name(cover)], "group": cover}
        for cover in chosen
    ]
    value = {
        "name": name,
        "images": ["covers", "photographs"],
        "exclude_queries": True,
        "queries": queries,
    }
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
