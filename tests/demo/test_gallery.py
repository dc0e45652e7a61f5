"""The gallery: deterministic, complete, upright, held out, and with a ground truth that fits its files."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsc_common.benchmark.ground_truth import read_ground_truth
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
    with pytest.raises(InvalidInputError, match="no photo in"):
        photos_below(tmp_path / "none")


def test_writing_a_gallery_needs_no_network_and_no_service() -> None:
    heavy = "{'torch', 'grpc', 'onnxruntime', 'skimage', 'sklearn', 'matplotlib'}"
    code = f"import sys, dsc_demo.gallery; sys.exit(repr({heavy} & sys.modules.keys() or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "''"


def test_names_that_are_no_utf_8_are_as_in_the_server(tmp_path: Path) -> None:
    mine = Path(os.fsdecode(os.fsencode(tmp_path) + b"/m\xfcnchen"))
    save(Path(os.fsdecode(os.fsencode(mine) + b"/caf\xe9.jpg")))
    save(mine / "plain.jpg", colour="blue")
    gallery = write_own_gallery(mine, tmp_path / "out")
    query = next(query for query in gallery.queries if query.positives == {r"caf\xe9.jpg"})
    assert gallery.is_right(query, r"m\xfcnchen/caf\xe9.jpg")
    assert not gallery.is_right(query, r"m\xfcnchen/plain.jpg")
    assert gallery.path_of(r"m\xfcnchen/caf\xe9.jpg").is_file()
    benchmark = read_ground_truth(tmp_path / "out" / "ground_truth.json")
    assert len(benchmark.queries) == 6
    assert {path.name for path in benchmark.database} == {os.fsdecode(b"caf\xe9.jpg"), "plain.jpg"}


def test_photos_that_are_too_small_for_views_are_left_out_with_a_line(tmp_path: Path) -> None:
    photos = own(tmp_path / "mine", ["a.jpg", "b.jpg"])
    save(photos / "dot.png", (1, 1))
    save(photos / "line.png", (3000, 2))
    save(photos / "small.png", (8, 8))
    lines: list[str] = []
    gallery = write_own_gallery(photos, tmp_path / "out", on_left_out=lambda error: lines.append(str(error)))
    assert {name for query in gallery.queries for name in query.positives} == {"a.jpg", "b.jpg", "small.png"}
    assert lines == [
        f"too small for views (expected 8 x 8 pixels or more, got {size}): {photos / name}"
        for name, size in (("dot.png", "1 x 1"), ("line.png", "1024 x 1"))
    ]
    (photos / "cut.jpg").write_bytes((photos / "a.jpg").read_bytes()[:300])
    write_own_gallery(photos, tmp_path / "out", on_left_out=lambda error: lines.append(str(error)))
    assert [line for line in lines if line.startswith("cannot read")] == [lines[2]]
    assert str(photos / "cut.jpg") in lines[2]


def test_only_tiny_photos_are_one_clear_line(tmp_path: Path) -> None:
    save(tmp_path / "mine" / "dot.png", (1, 1))
    with pytest.raises(InvalidInputError, match=r"none of the 1 photos in .* can be read, or none is large"):
        write_own_gallery(tmp_path / "mine", tmp_path / "out")


def test_photos_are_read_as_the_server_reads_them(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    levels = np.linspace(0, 65535, 40 * 30).reshape(30, 40).astype(np.uint16)
    Image.fromarray(levels).save(mine / "16 bits.png")
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(mine / "clear.png")
    turned = Image.new("RGB", (40, 30), "red")
    odd = b"Exif\0\0II*\0\x08\0\0\0\2\0\x12\1\3\0\1\0\0\0\6\0\0\0\x1a\1\2\0\4\0\0\0low\0\0\0\0\0"
    turned.save(mine / "turned", format="JPEG", exif=odd)
    shown = {photo.path.name: np.asarray(load_photo(photo.path)) for photo in photos_below(mine)}
    np.testing.assert_allclose(shown["16 bits.png"][:, :, 0], levels / 257, atol=1)
    assert (shown["clear.png"] == 255).all()
    assert shown["turned"].shape == (40, 30, 3)
    assert len(write_own_gallery(mine, tmp_path / "out").queries) == 9
