"""Features are kept by content as they come: the next build extracts only what is new."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dsc_common.errors import InvalidInputError
from dsc_common.features import cached_extraction
from dsc_server.building import build as build_module
from dsc_server.building.build import build
from dsc_server.building.options import BuildOptions
from dsc_server.building.tally import Tally
from helpers.tiny_model import write_tiny_model


def say(_line: str) -> None:
    pass


def counts(places: list[Path], index: Path, options: BuildOptions, **more: Any) -> tuple[int, int]:
    """Kept and extracted features of a build."""
    tally = Tally(say)
    build(places, index, replace(options, overwrite=True), say=say, tally=tally, **more)
    return tally.kept, tally.extracted


@pytest.fixture
def options(tiny_model: Path, tmp_path: Path) -> BuildOptions:
    return BuildOptions(model=tiny_model, scheme="dsc-pq", feature_store=tmp_path / "kept")


@pytest.fixture
def folder(photos: Path, tmp_path: Path) -> Path:
    """A folder with the 12 photos, for a test to change."""
    return Path(shutil.copytree(photos, tmp_path / "photos"))


def same(one: Path, other: Path) -> bool:
    return all((one / path.name).read_bytes() == path.read_bytes() for path in other.iterdir())


def test_only_new_photos_are_extracted(folder: Path, options: BuildOptions, tmp_path: Path) -> None:
    index = tmp_path / "index"
    assert counts([folder], index, options) == (0, 12)
    assert counts([folder], index, options) == (12, 0)
    for number in range(3):
        Image.new("RGB", (40, 40), (80 * number, 0, 0)).save(folder / f"new {number}.png")
    assert counts([folder], index, options) == (12, 3)
    counts([folder], tmp_path / "anew", replace(options, feature_store=None))
    assert same(index, tmp_path / "anew")


def test_a_photo_is_known_by_its_content_and_not_by_its_name(
    folder: Path, options: BuildOptions, tmp_path: Path
) -> None:
    counts([folder], tmp_path / "index", options)
    (folder / "odd").rename(folder / "moved")
    first = folder / "even" / "00.png"
    status = first.stat()
    pixels = bytearray(first.read_bytes())
    Image.new("RGB", (40, 40), "red").save(folder / "red.png")
    red = (folder / "red.png").read_bytes()
    first.write_bytes(red + bytes(max(0, len(pixels) - len(red))))  # the same size and time stamp
    os.utime(first, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert counts([folder], tmp_path / "index", options) == (11, 2)


def test_other_models_and_no_features_are_not_mixed_up(
    folder: Path, options: BuildOptions, tmp_path: Path
) -> None:
    counts([folder], tmp_path / "index", options)
    other = write_tiny_model(tmp_path / "other.onnx", seed=5)
    assert counts([folder], tmp_path / "index", replace(options, model=other)) == (0, 12)
    assert counts([folder], tmp_path / "index", replace(options, feature_store=None)) == (0, 12)
    assert counts([folder], tmp_path / "index", options) == (12, 0)


def test_a_build_that_ends_early_has_kept_its_work(
    folder: Path, options: BuildOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached_extraction, "BATCH", 4)

    def stopping(items: Iterable[Any], what: str, _total: int) -> Iterable[Any]:
        for step, item in enumerate(items):
            if what == "extracting features" and step == 8:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        counts([folder], tmp_path / "index", options, track=stopping)
    kept, extracted = counts([folder], tmp_path / "index", options)
    assert kept >= 8
    assert kept + extracted == 12


KILLED = """
import os, signal, sys
from pathlib import Path
from dsc_common.features import cached_extraction
from dsc_server.building.build import build
from dsc_server.building.options import BuildOptions
cached_extraction.BATCH = 4
def track(items, what, _total):
    for step, item in enumerate(items):
        if what == "extracting features" and step == 9:
            os.kill(os.getpid(), signal.SIGKILL)
        yield item
photos, index, model, features = map(Path, sys.argv[1:])
options = BuildOptions(model=model, scheme="dsc-pq", feature_store=features)
build([photos], index, options, say=print, track=track)
"""


def test_a_killed_build_loses_no_more_than_a_batch(
    folder: Path, options: BuildOptions, tiny_model: Path, tmp_path: Path
) -> None:
    assert options.feature_store is not None
    arguments = [folder, tmp_path / "index", tiny_model, options.feature_store]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert done.returncode == -9
    kept, extracted = counts([folder], tmp_path / "index", options)
    assert (kept, extracted) == (8, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "kept", "photos"]


def test_no_more_are_kept_than_the_bound(
    folder: Path, options: BuildOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_module, "MAX_KEPT", 5)
    assert counts([folder], tmp_path / "index", options) == (0, 12)
    assert counts([folder], tmp_path / "index", options) == (5, 7)


def test_where_nothing_can_be_kept_the_build_goes_on_and_says_so(
    folder: Path, options: BuildOptions, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    said: list[str] = []
    build([folder], tmp_path / "index", replace(options, feature_store=tmp_path / "file"), say=said.append)
    assert any("is not used: " in line for line in said)
    assert said[-1] == "features: 0 kept, 12 extracted"


def test_unchanged_files_are_not_read_again(
    folder: Path, options: BuildOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    content_of = cached_extraction.content_of

    def counted(path: Path) -> bytes:
        read.append(path)
        return content_of(path)

    monkeypatch.setattr(cached_extraction, "content_of", counted)
    monkeypatch.setattr(cached_extraction, "SETTLED_NS", -(10**18))  # as if the files were old
    counts([folder], tmp_path / "index", options)
    assert len(read) == 12
    assert counts([folder], tmp_path / "index", options) == (12, 0)
    assert len(read) == 12
    (folder / "even" / "00.png").write_bytes((folder / "odd" / "01.png").read_bytes())
    assert counts([folder], tmp_path / "index", options) == (12, 0)
    assert read[12:] == [folder / "even" / "00.png"]


def test_the_hash_of_a_file_that_changed_a_moment_ago_is_not_relied_on(
    folder: Path, options: BuildOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts([folder], tmp_path / "index", options)
    read: list[Path] = []
    monkeypatch.setattr(cached_extraction, "content_of", lambda path: read.append(path) or bytes(32))
    counts([folder], tmp_path / "index", options)
    assert len(read) == 12


@pytest.mark.parametrize("place", ["index", "index/kept", "link/kept"])
def test_features_are_not_kept_in_the_index_which_is_replaced(
    place: str, folder: Path, options: BuildOptions, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    (tmp_path / "link").symlink_to(index)
    counts([folder], index, options)
    before = sorted(index.iterdir())
    with pytest.raises(InvalidInputError, match="outside the index"):
        counts([folder], index, replace(options, feature_store=tmp_path / place))
    assert sorted(index.iterdir()) == before
    assert counts([folder], index, options) == (12, 0)
