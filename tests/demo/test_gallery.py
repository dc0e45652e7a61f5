"""The gallery: deterministic, complete, upright, held out, and with a ground truth that fits its files."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsc_common.errors import InvalidImageError, InvalidInputError
from dsc_demo import scenes
from dsc_demo.gallery import Gallery, write_gallery, write_own_gallery
from dsc_demo.photos import load_photo, photos_below
from dsc_demo.views import DIFFICULTIES


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture
def few_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = tuple(row for row in scenes._SHIPPED_SCENES if row[0] in {"coffee", "motorcycle", "rocket"})
    monkeypatch.setattr(scenes, "_SHIPPED_SCENES", chosen)


def save(path: Path, size: tuple[int, int] = (40, 30), colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def own(folder: Path, names: Sequence[str]) -> Path:
    for name in names:
        save(folder / name)
    return folder


@pytest.mark.usefixtures("few_scenes")
def test_same_seed_same_files(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_gallery(tmp_path / name, seed)
    a, b, c = (digests(tmp_path / name) for name in "abc")
    assert a == b
    changed = {name for name in a if a[name] != c[name]}
    assert not {name for name in changed if name.endswith("-0.jpg") or name == "ground_truth.json"}
    assert "queries/coffee-light.jpg" in changed


@pytest.mark.usefixtures("few_scenes")
def test_ground_truth_fits_the_files(tmp_path: Path) -> None:
    gallery = write_gallery(tmp_path)
    truth = json.loads((tmp_path / "ground_truth.json").read_text())
    assert truth["images"] == ["photos", "queries"]
    assert truth["exclude_queries"] is True
    assert len(truth["queries"]) == len(gallery.queries) == 3 * len(DIFFICULTIES)
    for query in truth["queries"]:
        assert (tmp_path / "queries" / query["image"]).is_file()
        assert all((tmp_path / "photos" / name).is_file() for name in query["positives"])
        assert query["group"] in DIFFICULTIES
    assert gallery.photos == len(list((tmp_path / "photos").iterdir()))


@pytest.mark.usefixtures("few_scenes")
def test_every_query_is_held_out_and_a_second_photo_is_used_as_it_is(tmp_path: Path) -> None:
    gallery = write_gallery(tmp_path)
    written = digests(tmp_path)
    photos = {digest for name, digest in written.items() if name.startswith("photos/")}
    assert all(written[f"queries/{query.path.name}"] not in photos for query in gallery.queries)
    right = next(scene for scene in scenes.shipped_scenes() if scene.name == "motorcycle").other_viewpoint
    assert right is not None
    shown = np.asarray(load_photo(tmp_path / "queries" / "motorcycle-perspective.jpg"), dtype=float)
    assert np.abs(shown - np.asarray(load_photo(right), dtype=float)).mean() < 5.0  # JPEG alone


def test_every_installed_scene_is_a_photo_file() -> None:
    found = scenes.shipped_scenes()
    assert len(found) == len({scene.name for scene in found}) >= 15
    assert all(min(load_photo(scene.photo).size) >= 150 for scene in found)


def test_absent_packages_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_sklearn(name: str) -> ModuleSpec | None:
        return find_spec(name) if name == "sklearn" else None

    monkeypatch.setattr(scenes, "find_spec", only_sklearn)
    assert [scene.name for scene in scenes.shipped_scenes()] == ["flower", "pagoda"]


def test_no_package_at_all_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scenes, "find_spec", lambda _: None)
    with pytest.raises(InvalidInputError, match=r"install the 'gallery' extra"):
        write_gallery(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_own_photos_are_spread_evenly(tmp_path: Path) -> None:
    photos = own(tmp_path / "mine", [f"{k:02d}.jpg" for k in range(23)])
    gallery = write_own_gallery(photos, tmp_path / "out", scenes=12)
    asked = sorted({name for query in gallery.queries for name in query.positives})
    assert asked == [f"{k:02d}.jpg" for k in range(0, 23, 2)]
    assert gallery.photos == 23
    assert gallery.database == photos.resolve()


def test_own_photos_of_one_name_get_different_queries(tmp_path: Path) -> None:
    photos = own(tmp_path / "mine", ["a/x.jpg", "b/x.jpg", "b/x.png"])
    gallery = write_own_gallery(photos, tmp_path / "out")
    assert len({query.path for query in gallery.queries}) == 9


def test_a_single_own_photo_is_enough(tmp_path: Path) -> None:
    gallery = write_own_gallery(own(tmp_path / "mine", ["x.jpg"]), tmp_path / "out")
    assert [query.difficulty for query in gallery.queries] == list(DIFFICULTIES)


def test_unreadable_photos_are_passed_over_but_not_all(tmp_path: Path) -> None:
    photos = own(tmp_path / "mine", ["b.jpg"])
    (photos / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 truncated")
    gallery = write_own_gallery(photos, tmp_path / "out")
    assert {name for query in gallery.queries for name in query.positives} == {"b.jpg"}
    (photos / "b.jpg").write_bytes(b"")
    with pytest.raises(InvalidInputError, match="none of the 2 photos"):
        write_own_gallery(photos, tmp_path / "out")


def test_image_ids_of_the_server(tmp_path: Path) -> None:
    gallery: Gallery = write_own_gallery(own(tmp_path / "mine", ["trip/x.jpg", "y.jpg"]), tmp_path / "out")
    query = next(query for query in gallery.queries if query.positives == {"trip/x.jpg"})
    assert gallery.is_right(query, "mine/trip/x.jpg")
    assert not gallery.is_right(query, "mine/y.jpg")
    assert not gallery.is_right(query, "other/trip/x.jpg")
    assert gallery.path_of("mine/trip/x.jpg") == tmp_path / "mine" / "trip" / "x.jpg"


def test_photos_are_upright_rgb_and_small_enough(tmp_path: Path) -> None:
    sideways = Image.new("RGB", (600, 300), "red")
    exif = sideways.getexif()
    exif[0x0112] = 6  # turned by a quarter
    sideways.save(tmp_path / "sideways.jpg", exif=exif)
    assert load_photo(tmp_path / "sideways.jpg").size == (300, 600)
    assert load_photo(tmp_path / "sideways.jpg", 100).size == (50, 100)
    Image.new("LA", (9, 8)).save(tmp_path / "grey.png")
    assert load_photo(tmp_path / "grey.png").mode == "RGB"


def test_what_is_no_photo_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_text("no photo")
    with pytest.raises(InvalidImageError, match=r"x\.jpg"):
        load_photo(tmp_path / "x.jpg")
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidInputError, match="no photos in"):
        photos_below(tmp_path / "none")


def test_writing_a_gallery_needs_no_network_and_no_service() -> None:
    heavy = "{'torch', 'grpc', 'onnxruntime', 'skimage', 'sklearn', 'matplotlib'}"
    code = f"import sys, dsc_demo.gallery; sys.exit(repr({heavy} & sys.modules.keys() or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "''"
