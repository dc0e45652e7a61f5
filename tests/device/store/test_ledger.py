"""The ledger: which files are a photo that was seen, by path, inode, time of change and content."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dsc_device.output import refusal_to_json
from dsc_device.store.photo_stamp import PhotoStamp
from dsc_device.store.queue import QueueLimits
from dsc_device.store.store import Store, open_store
from helpers.queued import entry_of

STAMP = PhotoStamp(Path("/photos/a.jpg"), 8, 1000, 5000, 10**18)
CONTENT = entry_of("a").content


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "state", QueueLimits(), print) as store:
        store.add(entry_of("a"), STAMP)
        yield store


@pytest.mark.parametrize("time_ns", [(1 << 63) - 1, 1 << 63, 1 << 70, -(1 << 63) - 1, -(1 << 66) + 5])
def test_times_beyond_64_bits_are_kept(time_ns: int, store: Store) -> None:
    stamp = replace(STAMP, mtime_ns=time_ns)
    assert not store.is_known(stamp)
    store.add(entry_of("b"), stamp)
    assert store.is_known(stamp)
    assert not store.is_known(replace(stamp, mtime_ns=time_ns + 1))


@pytest.mark.parametrize(
    ("time_ns", "captured_ns"),
    [(7, 7), (-7, -7), (1 << 63, (1 << 63) - 1), (-(1 << 66), -(1 << 63))],
)
def test_a_photo_has_the_nearest_time_that_answers_can_show(time_ns: int, captured_ns: int) -> None:
    stamp = replace(STAMP, mtime_ns=time_ns)
    assert stamp.captured_ns == captured_ns
    entry = replace(entry_of("a", "id"), captured_ns=stamp.captured_ns)
    assert "captured" in json.loads(refusal_to_json(ValueError("no"), entry))


@pytest.mark.parametrize(
    ("change", "known"),
    [
        ({}, True),
        ({"path": Path("/photos/b.jpg")}, True),  # renamed
        ({"device": 9, "inode": 7}, True),  # mounted again
        ({"inode": 7}, False),  # another file at its path, which may be another photo
        ({"size": 5001}, False),
        ({"mtime_ns": 10**18 + 1}, False),
        ({"path": Path("/photos/b.jpg"), "inode": 7}, False),  # a copy
        ({"path": Path("/photos/b.jpg"), "device": 9, "inode": 7}, False),
    ],
)
def test_files_that_need_no_look(change: dict[str, object], known: bool, store: Store) -> None:
    assert store.is_known(replace(STAMP, **change)) is known  # type: ignore[arg-type]


def test_a_touched_file_with_the_same_content_is_the_same_photo(store: Store) -> None:
    touched = replace(STAMP, mtime_ns=7)
    assert store.is_same_content(touched, CONTENT)
    assert store.is_known(touched)
    assert not store.is_known(STAMP)


def test_another_content_is_another_photo(store: Store) -> None:
    changed = replace(STAMP, mtime_ns=7, size=3)
    assert not store.is_same_content(changed, entry_of("b").content)
    store.add(entry_of("b"), changed)
    assert store.is_known(changed)


def test_a_copy_is_another_photo(store: Store) -> None:
    copied = replace(STAMP, path=Path("/photos/b.jpg"), inode=7)
    assert not store.is_same_content(copied, CONTENT)


def test_a_new_file_with_the_inode_of_a_removed_one_is_another_photo(store: Store) -> None:
    new = replace(STAMP, path=Path("/photos/b.jpg"), mtime_ns=7)
    assert not store.is_known(new)
    assert not store.is_same_content(new, CONTENT)


def test_a_renamed_photo_is_known_by_its_new_path_after_the_next_mount(store: Store) -> None:
    renamed = replace(STAMP, path=Path("/photos/b.jpg"))
    assert store.is_known(renamed)
    assert store.is_known(replace(renamed, device=9, inode=77))
    assert not store.is_known(replace(STAMP, device=9, inode=78))  # the old name may be taken again


def test_a_second_link_changes_nothing(tmp_path: Path, store: Store) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"photo")
    os.link(one, two)
    first, second = (PhotoStamp.of(path, path.stat()) for path in (one, two))
    store.add(entry_of("b"), first)
    for _ in range(2):
        assert store.is_known(second)
        assert store.is_known(first)
    assert not store.is_known(replace(second, device=9, inode=7))  # only the first is in the ledger
