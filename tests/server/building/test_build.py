"""Photos to an index directory and back to the photo; interrupted anywhere, it leaves nothing."""

import errno
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsc_channel.transmission import transmit
from dsc_common.codebook.file import codebook_from_bytes
from dsc_common.codebook.manifest import ArtifactKind
from dsc_common.errors import DamagedIndexError, DscError, InvalidImageError, InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_common.packet.format import HeadCodec, PacketFormat
from dsc_common.packet.packing import pack
from dsc_common.progress import untracked
from dsc_common.radio.link import LinkSettings
from dsc_common.retrieval.options import Ranking, RetrievalOptions
from dsc_device.encoding import encode
from dsc_model import BackboneOptions
from dsc_server.building import writing
from dsc_server.building.build import build
from dsc_server.building.options import BuildOptions
from dsc_server.index.description import describe
from dsc_server.index.files import read_index
from dsc_server.index.manifest import FILES, MANIFEST
from dsc_server.retrieval import retrieve
from dsc_server.scheme_specs import SCHEMES, parse_scheme

PHASES = ["looking for photos", "checking photos", "extracting features", "encoding partitions"]


def silent(_line: str) -> None:
    pass


def listing(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): b"" if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


class Interrupter:
    """Shows progress until a phase is one step in, then raises."""

    def __init__(self, phase: str, error: type[BaseException]) -> None:
        self._phase, self._error = phase, error
        self.phases: list[str] = []

    def __call__(self, items: Iterable[Any], what: str, _total: int) -> Iterable[Any]:
        self.phases.append(what)
        for step, item in enumerate(items):
            if what == self._phase and step == 1:
                raise self._error
            yield item


@pytest.fixture
def options(tiny_model: Path) -> BuildOptions:
    return BuildOptions(model=tiny_model, scheme="dsc-pq")


@pytest.fixture(scope="module")
def built(tiny_model: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the photos; no test changes it."""
    target = tmp_path_factory.mktemp("built") / "index"
    build([photos], target, BuildOptions(model=tiny_model, scheme="dsc-pq"), say=silent)
    return target


def ask(index: Path, photo: Path, ranking: Ranking | None = None) -> list[tuple[str, float]]:
    """Everything from photo to ranked ids, the device with what it downloads and nothing else."""
    loaded = read_index(index)
    extractor = Extractor(loaded.artifacts[ArtifactKind.MODEL][:])
    codebook = codebook_from_bytes(loaded.artifacts[ArtifactKind.CODEBOOK][:])
    fmt = loaded.manifest.packet_format
    extraction = extractor.extract(photo)
    spec = loaded.manifest.spec
    packet = encode(
        extraction.feature,
        extraction.probabilities,
        codebook,
        fmt,
        spec.head_rule,
        sequential=spec.sequential,
    )
    signal = transmit(pack(packet, fmt), fmt, LinkSettings(snr_db=float("inf")), "")
    answer = retrieve(loaded.index, loaded.catalogue, [signal], RetrievalOptions(100, ranking))
    return [(image.image_id, image.score) for image in answer.images]


@pytest.mark.parametrize("ranking", [Ranking.SQUARED_DISTANCE, Ranking.COSINE])
def test_every_photo_finds_itself_first(built: Path, photos: Path, ranking: Ranking) -> None:
    for path in sorted(photos.rglob("*.png")):
        first, score = ask(built, path, ranking)[0]
        assert first == f"photos/{path.relative_to(photos)}"
        assert score == pytest.approx(1, abs=1e-6)


def test_an_exported_network_is_kept_for_later_builds(
    built: Path, tiny_model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported: list[str] = []

    def export(name: str, path: Path, _options: BackboneOptions) -> None:
        exported.append(name)
        shutil.copyfile(tiny_model, path)

    monkeypatch.setattr("dsc_model.kept_exports.export_backbone", export)
    options = BuildOptions(scheme="dsc-pq", feature_store=tmp_path / "store")
    for name in ("one", "two"):
        build([photos], tmp_path / name, options, say=silent)
        assert listing(tmp_path / name) == listing(built)
    assert exported == ["efficientnet-lite0"]
    build([photos], tmp_path / "three", replace(options, feature_store=None), say=silent)
    assert exported == ["efficientnet-lite0"] * 2


def test_what_was_built(built: Path, photos: Path, tiny_model: Path) -> None:
    loaded = read_index(built)
    assert loaded.manifest.packet_format == PacketFormat(num_partitions=32)
    assert (loaded.manifest.scheme, loaded.manifest.backbone, loaded.manifest.num_images) == (
        "dsc-pq",
        "tiny",
        12,
    )
    assert (built / "model.onnx").read_bytes() == tiny_model.read_bytes()
    assert [image.id for image in loaded.catalogue.values()] == sorted(
        f"photos/{path.relative_to(photos)}" for path in photos.rglob("*.png")
    )
    assert all(
        image.uri == (photos.parent / image.id).resolve().as_uri() for image in loaded.catalogue.values()
    )
    extractor = Extractor.from_file(tiny_model)
    for image in loaded.catalogue.values():
        assert image.label == extractor.extract(photos.parent / image.id).probabilities.argmax()
    assert sorted(path.name for path in built.parent.iterdir()) == ["index"]
    assert sorted(path.name for path in built.glob("*.npy")) == ["features.npy"]
    assert np.load(built / "features.npy").shape == (0, 0)  # this scheme keeps none
    assert describe(loaded)["images"] == 12
    assert describe(loaded)["packet_bytes"] == loaded.manifest.packet_format.packet_bytes


# Every other scheme finds its images first in test_every_scheme; here it is from photo to photo.
@pytest.mark.parametrize("scheme", ["dsc", "duc-ivf-pq", "hybrid"])
def test_with_other_schemes_too_every_photo_finds_itself_first(
    scheme: str, photos: Path, tiny_model: Path, tmp_path: Path
) -> None:
    manifest = build([photos], tmp_path / "index", BuildOptions(model=tiny_model, scheme=scheme), say=silent)
    assert (manifest.scheme, manifest.num_images, manifest.feature_dim) == (scheme, 12, 16)
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == sorted([MANIFEST, *FILES])
    for path in sorted(photos.rglob("*.png")):
        first, score = ask(tmp_path / "index", path)[0]
        assert first == f"photos/{path.relative_to(photos)}"
        assert 0 < score <= 1 + 1e-3
    facts = describe(read_index(tmp_path / "index"))
    assert facts["scheme"] == scheme
    assert facts["entries"] == 12 * SCHEMES[scheme].spill
    assert facts["payload"] == SCHEMES[scheme].payload


def test_the_default_is_the_projects_own_scheme(photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    manifest = build([photos], tmp_path / "index", BuildOptions(model=tiny_model), say=silent)
    assert manifest.scheme == "dsc"
    assert manifest.packet_format.packet_bytes == 4 + 40  # 5 labels of 5 bits and 6 check bits


@pytest.mark.parametrize("scheme", ["dsc-pq+spill=3+fused+sequential", "dsc-shared+spill=2"])
def test_what_is_changed_of_a_scheme_is_in_the_index(
    scheme: str, photos: Path, tiny_model: Path, tmp_path: Path
) -> None:
    build([photos], tmp_path / "index", BuildOptions(model=tiny_model, scheme=scheme), say=silent)
    loaded = read_index(tmp_path / "index")
    assert loaded.manifest.spec == parse_scheme(scheme)
    assert loaded.index.images.size == 12 * parse_scheme(scheme).spill
    labels = np.array([image.label for image in loaded.catalogue.values()])
    for label in range(32):
        assert set(np.flatnonzero(labels == label)) <= set(loaded.index.images[loaded.index.entries(label)])


def test_built_twice_it_is_the_same_bytes(
    built: Path, photos: Path, options: BuildOptions, tmp_path: Path
) -> None:
    build([photos], tmp_path / "again", options, say=silent)
    assert listing(tmp_path / "again") == listing(built)


def test_the_shape_of_the_packet_is_the_users(photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    options = BuildOptions(
        model=tiny_model,
        scheme="dsc-pq",
        head_labels=2,
        num_subvectors=4,
        bits_per_subvector=1,
        head_codec=HeadCodec.ZERO,
    )
    manifest = build([photos], tmp_path / "index", options, say=silent)
    assert manifest.packet_format == PacketFormat(32, 2, 4, 1, HeadCodec.ZERO)
    index = read_index(tmp_path / "index").index
    assert index.codebook.num_words.tolist() == [min(2, size) for size in index.list_sizes]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("is_there", [False, True])
def test_interrupted_anywhere_it_leaves_what_was_there(
    is_there: bool,
    phase: str,
    error: type[BaseException],
    built: Path,
    photos: Path,
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    if is_there:
        shutil.copytree(built, tmp_path / "index")
    before = listing(tmp_path)
    track = Interrupter(phase, error)
    options = BuildOptions(model=tiny_model, scheme="dsc-pq", overwrite=True, head_labels=3)
    with pytest.raises(error):
        build([photos], tmp_path / "index", options, say=silent, track=track)
    assert track.phases[-1] == phase
    assert listing(tmp_path) == before


@pytest.fixture
def damaged(photos: Path, tmp_path: Path) -> Path:
    """A folder of 14 photos, two of which cannot be read: one by its header, one by its end."""
    folder = tmp_path / "mixed"
    shutil.copytree(photos, folder)
    (folder / "a text.jpg").write_text("not a photo")
    cut = (folder / "even" / "00.png").read_bytes()
    (folder / "cut.png").write_bytes(cut[: len(cut) - 200])
    return folder


def test_an_unreadable_photo_stops_a_strict_build(
    damaged: Path, options: BuildOptions, tmp_path: Path
) -> None:
    for name in ("a text.jpg", "cut.png"):
        line = rf"^[^\n]*{name}[^\n]* \(without --strict, it is left out\)$"
        with pytest.raises(InvalidImageError, match=line):
            build([damaged], tmp_path / "index", replace(options, strict=True), say=silent)
        (damaged / name).unlink()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["mixed"]
    build([damaged], tmp_path / "index", options, say=silent)


def test_by_default_it_is_left_out_and_named(
    damaged: Path, built: Path, tiny_model: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    options = BuildOptions(model=tiny_model, scheme="dsc-pq")
    manifest = build([damaged], tmp_path / "index", options, say=said.append)
    assert manifest.num_images == 12
    left_out = [line for line in said if line.startswith("left out: ")]
    assert len(left_out) == 2
    assert "a text.jpg" in left_out[0]
    assert "cut.png" in left_out[1]
    assert said[-2:] == ["left out in all: photos that cannot be read: 2", "features: 0 kept, 12 extracted"]
    whole, rest = read_index(built), read_index(tmp_path / "index")
    assert rest.index.codes.tolist() == whole.index.codes.tolist()
    assert [image.id.split("/", 1)[1] for image in rest.catalogue.values()] == [
        image.id.split("/", 1)[1] for image in whole.catalogue.values()
    ]


def test_when_nothing_can_be_read_there_is_no_index(tiny_model: Path, tmp_path: Path, photos: Path) -> None:
    options = BuildOptions(model=tiny_model)
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "a.jpg").write_text("not a photo")
    with pytest.raises(InvalidInputError, match=r"^no photo could be read$"):
        build([folder], tmp_path / "index", options, say=silent)
    (folder / "a.jpg").write_bytes((photos / "odd" / "01.png").read_bytes()[:-100])
    with pytest.raises(InvalidInputError, match=r"^no photo could be read$"):
        build([folder], tmp_path / "index", options, say=silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad"]


class Remover:
    """Shows progress until the extraction is three photos in, then calls `remove`."""

    def __init__(self, remove: Callable[[], object]) -> None:
        self._remove = remove

    def __call__(self, items: Iterable[Any], what: str, _total: int) -> Iterable[Any]:
        for step, item in enumerate(items):
            if what == "extracting features" and step == 2:
                self._remove()
            yield item


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 60 photos, which are extracted four at a time at most."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    folder = tmp_path / "disk" / "many"
    folder.mkdir(parents=True)
    for number in range(60):
        Image.new("RGB", (40, 40), (4 * number, 0, 0)).save(folder / f"{number:02d}.png")
    return folder


def test_when_the_place_of_the_photos_goes_away_the_old_index_stays(
    many: Path, built: Path, options: BuildOptions, tmp_path: Path
) -> None:
    index = Path(shutil.copytree(built, tmp_path / "index"))
    options = replace(options, overwrite=True)
    line = r"^the photos went away during the build, which has stopped: [^\n]*many$"
    with pytest.raises(InvalidInputError, match=line):
        build([many], index, options, say=silent, track=Remover(lambda: many.rename(tmp_path / "away")))
    (tmp_path / "away").rename(many)

    def unmount() -> None:  # what is left is the empty folder where a disk was mounted
        many.rename(tmp_path / "away")
        many.mkdir()

    with pytest.raises(InvalidInputError, match=line):
        build([many], index, options, say=silent, track=Remover(unmount))
    assert listing(index) == listing(built)


def test_a_disk_that_is_not_there_takes_no_photos_out_of_an_index(
    photos: Path, many: Path, options: BuildOptions, tmp_path: Path
) -> None:
    options, index, said = replace(options, overwrite=True), tmp_path / "index", list[str]()
    build([photos, many], index, options, say=silent)
    before = listing(index)
    many.rename(tmp_path / "away")
    many.mkdir()  # where a disk was mounted
    line = r"^no photo in [^\n]*many, but 60 of it in the index that is to be replaced: is its disk there\?"
    with pytest.raises(InvalidInputError, match=line):
        build([photos, many], index, options, say=silent)
    assert listing(index) == before
    for path in sorted((tmp_path / "away").iterdir())[:50]:
        path.rename(many / path.name)
    build([photos, many], index, options, say=said.append)
    assert "not found any more: 10 photos of the index that is replaced" in said
    build([photos], index, options, say=said.append)  # the user left the place out
    assert read_index(index).manifest.num_images == 12


def test_when_most_photos_vanish_the_build_stops_and_for_a_few_it_goes_on(
    many: Path, options: BuildOptions, tmp_path: Path
) -> None:
    def remove(number: int) -> None:
        for path in sorted(many.iterdir())[-number:]:
            path.unlink()

    said: list[str] = []
    build([many], tmp_path / "few", options, say=said.append, track=Remover(lambda: remove(5)))
    assert "left out in all: photos that vanished during the build: 5" in said
    assert read_index(tmp_path / "few").manifest.num_images == 55
    line = r"^40 of 55 photos vanished during the build, which has stopped$"
    with pytest.raises(InvalidInputError, match=line):
        build([many], tmp_path / "index", options, say=silent, track=Remover(lambda: remove(40)))
    assert not (tmp_path / "index").exists()


BAD_OPTIONS = {
    "M is none": (
        {"scheme": "dsc-pq", "num_subvectors": 0},
        "expected M (sub-vectors) from 1 to 4096, got 0",
    ),
    "M is negative": (
        {"scheme": "dsc-pq", "num_subvectors": -4},
        "expected M (sub-vectors) from 1 to 4096, got -4",
    ),
    "an unknown scheme": ({"scheme": "dscc"}, "unknown scheme 'dscc'; expected one of dsc, dsc-shared, "),
    "a head larger than the database's cells": (
        {"scheme": "duc-ivf-pq", "head_labels": 13},
        "expected T (labels in the head) from 1 to 12, got 13",
    ),
    "more labels than there are": (
        {"head_labels": 33},
        "expected T (labels in the head) from 1 to 32, got 33",
    ),
    "no label": ({"head_labels": 0}, "expected T (labels in the head) from 1 to 32, got 0"),
    "too many bits": ({"bits_per_subvector": 9}, "expected L (bits per sub-vector) from 1 to 8, got 9"),
    "an unknown backbone": ({"model": None, "backbone": "vgg"}, "vgg"),
    "a missing model": ({"model": Path("/none.onnx")}, "cannot read /none.onnx: No such file or directory"),
}


@pytest.mark.parametrize(("wrong", "line"), BAD_OPTIONS.values(), ids=BAD_OPTIONS.keys())
def test_options_that_cannot_be_are_refused(
    wrong: dict[str, Any], line: str, photos: Path, tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(DscError) as caught:
        build([photos], tmp_path / "index", BuildOptions(**{"model": tiny_model, **wrong}), say=silent)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_model_is_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    with pytest.raises(DamagedIndexError, match=r"m\.onnx is damaged: [^\n]*$"):
        build([photos], tmp_path / "index", BuildOptions(model=tmp_path / "m.onnx"), say=silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.onnx"]


def test_a_place_without_photos_is_refused(options: BuildOptions, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidInputError, match=r"^no photo in "):
        build([tmp_path / "none"], tmp_path / "index", options, say=silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["none"]


def test_a_folder_that_is_no_index_is_never_touched(photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter 1.txt").write_text("years of work")
    (folder / "manifest.json").write_text('{"name": "another program\'s"}')
    for overwrite in (False, True):
        with pytest.raises(DscError):
            build([photos], folder, BuildOptions(model=tiny_model, overwrite=overwrite), say=silent)
        assert listing(tmp_path).keys() == {"thesis", "thesis/chapter 1.txt", "thesis/manifest.json"}


def test_an_index_is_replaced_only_when_asked(
    built: Path, photos: Path, tiny_model: Path, tmp_path: Path
) -> None:
    target = Path(shutil.copytree(built, tmp_path / "index"))
    with pytest.raises(InvalidInputError, match=r"^there is an index already \(--overwrite replaces it\): "):
        build([photos / "odd"], target, BuildOptions(model=tiny_model), say=silent)
    assert listing(target) == listing(built)
    build([photos / "odd"], target, BuildOptions(model=tiny_model, overwrite=True), say=silent)
    assert read_index(target).manifest.num_images == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index"]


def test_a_manifest_alone_is_an_index_only_if_it_is_ours(
    built: Path, photos: Path, tiny_model: Path, tmp_path: Path
) -> None:
    options = BuildOptions(model=tiny_model, overwrite=True)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / MANIFEST).write_text('{"manifest_version": 3}')
    with pytest.raises(InvalidInputError, match=r"^not empty and not an index directory"):
        build([photos], tmp_path / "web", options, say=silent)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / MANIFEST).write_bytes((built / MANIFEST).read_bytes()[:200])
    build([photos], tmp_path / "cut", options, say=silent)
    assert read_index(tmp_path / "cut").manifest.num_images == 12


def test_what_appears_at_the_place_of_the_index_is_kept(
    photos: Path, options: BuildOptions, tmp_path: Path
) -> None:
    def track(items: Iterable[Any], what: str, _total: int) -> Iterable[Any]:
        if what == "extracting features":
            (tmp_path / "index").mkdir()
            (tmp_path / "index" / "thesis").write_text("years of work")
        return items

    for overwrite in (False, True):
        shutil.rmtree(tmp_path / "index", ignore_errors=True)
        with pytest.raises(InvalidInputError, match=r"^something has appeared there meanwhile"):
            build(
                [photos], tmp_path / "index", replace(options, overwrite=overwrite), say=silent, track=track
            )
        assert listing(tmp_path) == {"index": b"", "index/thesis": b"years of work"}


def test_an_index_behind_a_link_is_written_where_the_link_leads(
    photos: Path, options: BuildOptions, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("disk/index")
    build([photos], tmp_path / "link", options, say=silent)
    build([photos], tmp_path / "link", replace(options, overwrite=True), say=silent)
    assert (tmp_path / "link").is_symlink()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["index"]
    assert read_index(tmp_path / "link").manifest.num_images == 12


def test_a_full_disk_is_said_before_the_work(
    photos: Path, options: BuildOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _offset: int, _length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(writing, "require_room", lambda _folder, _bytes: None)
    track = Interrupter("none", RuntimeError)
    with pytest.raises(DscError, match=rf"^no space left in {tmp_path}: needs 1 MiB more$"):
        build([photos], tmp_path / "index", options, say=silent, track=track)
    assert track.phases == ["looking for photos", "checking photos"]
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_during_the_work_is_a_line_too(
    photos: Path, options: BuildOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def full_later(_folder: Path, num_bytes: int) -> None:
        asked.append(num_bytes)
        if len(asked) == 2:  # for the index, after the model
            raise OSError(errno.ENOSPC, "needs 7 MiB more")

    monkeypatch.setattr(writing, "require_room", full_later)
    with pytest.raises(DscError, match=rf"^no space left in {tmp_path}: needs 7 MiB more$"):
        build([photos], tmp_path / "index", options, say=silent)
    assert options.model is not None
    assert asked[0] == options.model.stat().st_size
    assert asked[1] > 0
    assert list(tmp_path.iterdir()) == []


def test_all_phases_show_progress(photos: Path, options: BuildOptions, tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    def track(items: Iterable[Any], what: str, total: int) -> Iterable[Any]:
        seen.append((what, total))
        return untracked(items, what, total)

    build([photos], tmp_path / "index", options, say=silent, track=track)
    assert seen == [
        ("looking for photos", 12),
        ("checking photos", 12),
        ("extracting features", 12),
        ("encoding partitions", 32),
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"model": Path("none.onnx")}, "cannot read none.onnx"),
        ({"model": Path(__file__)}, "is damaged"),
        ({"backbone": "x"}, "unknown backbone 'x'"),
        ({"backbone_options": BackboneOptions(longest_side=0)}, "32 to 4096 pixels, got 0"),
        ({"backbone_options": BackboneOptions(class_weights=Path(__file__))}, "brings its own weights"),
        (
            {"backbone": "resnet101", "backbone_options": BackboneOptions(feature_weights=Path("none.pth"))},
            "cannot read none.pth",
        ),
    ],
)
def test_a_network_that_cannot_be_is_refused_before_photos_are_looked_for(
    changes: dict[str, Any], line: str, tmp_path: Path
) -> None:
    with pytest.raises(DscError, match=line):  # there is no such place, and so no photo
        build([tmp_path / "none"], tmp_path / "index", replace(BuildOptions(), **changes), say=silent)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "._manifest.json", "@eaDir/x"])
def test_what_a_file_manager_leaves_in_an_index_does_not_keep_it(
    name: str, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    options = BuildOptions(model=tiny_model, scheme="dsc-raw", overwrite=True)
    index = tmp_path / "index"
    build([photos], index, options, say=silent)
    (index / name).parent.mkdir(exist_ok=True)
    (index / name).touch()
    build([photos], index, options, say=silent)
    assert not (index / name).exists()
    (index / "notes.txt").touch()
    with pytest.raises(InvalidInputError, match="is left alone"):
        build([photos], index, options, say=silent)
