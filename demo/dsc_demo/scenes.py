"""The real photos that installed packages ship: which they are, and where each of them lies."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dsc_common.errors import InvalidInputError

_SKIMAGE = "data"
_MATPLOTLIB = "mpl-data/sample_data"
_SKLEARN = "datasets/images"

# (scene, package, file below the package, a second photo of the same scene where there is one)
_SHIPPED_SCENES: tuple[tuple[str, str, str, str | None], ...] = (
    ("astronaut", "skimage", f"{_SKIMAGE}/astronaut.png", None),
    ("brick", "skimage", f"{_SKIMAGE}/brick.png", None),
    ("cameraman", "skimage", f"{_SKIMAGE}/camera.png", None),
    ("cat", "skimage", f"{_SKIMAGE}/chelsea.png", None),
    ("cell", "skimage", f"{_SKIMAGE}/cell.png", None),
    ("clock", "skimage", f"{_SKIMAGE}/clock_motion.png", None),
    ("coffee", "skimage", f"{_SKIMAGE}/coffee.png", None),
    ("coins", "skimage", f"{_SKIMAGE}/coins.png", None),
    ("flower", "sklearn", f"{_SKLEARN}/flower.jpg", None),
    ("galaxies", "skimage", f"{_SKIMAGE}/hubble_deep_field.jpg", None),
    ("grass", "skimage", f"{_SKIMAGE}/grass.png", None),
    ("gravel", "skimage", f"{_SKIMAGE}/gravel.png", None),
    ("handwriting", "skimage", f"{_SKIMAGE}/text.png", None),
    ("hopper", "matplotlib", f"{_MATPLOTLIB}/grace_hopper.jpg", None),
    ("moon", "skimage", f"{_SKIMAGE}/moon.png", None),
    ("motorcycle", "skimage", f"{_SKIMAGE}/motorcycle_left.png", f"{_SKIMAGE}/motorcycle_right.png"),
    ("page", "skimage", f"{_SKIMAGE}/page.png", None),
    ("pagoda", "sklearn", f"{_SKLEARN}/china.jpg", None),
    ("retina", "skimage", f"{_SKIMAGE}/retina.jpg", None),
    ("rocket", "skimage", f"{_SKIMAGE}/rocket.jpg", None),
    ("tissue", "skimage", f"{_SKIMAGE}/ihc.png", None),
)


@dataclass(frozen=True)
class Scene:
    """One scene: its photo, and a second photo from another viewpoint where a package ships one."""

    name: str
    photo: Path
    other_viewpoint: Path | None = None


def _package_folder(package: str) -> Path | None:
    """Return the folder of an installed package without importing it; None if it is absent."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _scene(name: str, package: str, file: str, other: str | None) -> Scene | None:
    folder = _package_folder(package)
    if folder is None or not (folder / file).is_file():
        return None
    second = folder / other if other is not None else None
    return Scene(name, folder / file, second if second is not None and second.is_file() else None)


def shipped_scenes() -> tuple[Scene, ...]:
    """Return the scenes whose photos are installed here, sorted by name.

    Raises:
        InvalidInputError: none of the packages that ship photos is installed.
    """
    scenes = tuple(scene for row in _SHIPPED_SCENES if (scene := _scene(*row)) is not None)
    if not scenes:
        raise InvalidInputError(
            "no installed package ships gallery photos: install the 'gallery' extra, "
            'for example: pip install "deep-semantic-coding[gallery]"'
        )
    return scenes
