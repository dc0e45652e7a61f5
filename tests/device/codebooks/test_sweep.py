"""What a cache of downloads keeps, and what it does not touch."""

import os
import time
from pathlib import Path

from dsc_common.files.lock import try_lock
from dsc_device.codebooks.sweep import STALE_S, SUFFIXES, mark_used, sweep

NOW = time.time()


def write(path: Path, age_s: float, size: int = 1) -> Path:
    path.write_bytes(bytes(size))
    os.utime(path, (NOW - age_s, NOW - age_s))
    return path


def test_what_was_used_longest_ago_goes_until_the_rest_fits(tmp_path: Path) -> None:
    suffixes = [*SUFFIXES, "words", "words"]
    files = [
        write(tmp_path / f"{age:064x}.{suffix}", 10.0 * age, size=10) for age, suffix in enumerate(suffixes)
    ]
    sweep(tmp_path, set(), 60)
    assert set(tmp_path.iterdir()) == set(files)
    mark_used(files[5])
    sweep(tmp_path, {files[3]}, 35)
    assert set(tmp_path.iterdir()) == {files[5], files[0], files[3]}
    sweep(tmp_path, {files[3]}, 0)
    assert set(tmp_path.iterdir()) == {files[3]}


def test_stale_partial_files_go_unless_a_process_downloads_into_them(tmp_path: Path) -> None:
    name = f".{1:064x}.model"
    stale = [
        write(tmp_path / f"{name}.1000.partial", STALE_S + 60),
        write(tmp_path / f"{name}.partial-0a1b2c3d", STALE_S + 60),  # of version 0.2
    ]
    fresh = write(tmp_path / f".{2:064x}.model.1000.partial", 60)
    busy = write(tmp_path / f".{3:064x}.words.1000.partial", STALE_S + 60)
    with busy.open("ab") as other:
        assert try_lock(other.fileno())
        sweep(tmp_path, set(), 100)
    assert not any(path.exists() for path in stale)
    assert set(tmp_path.iterdir()) == {fresh, busy}


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    elsewhere = write(tmp_path.parent / "elsewhere", 1e9)
    others = [
        write(tmp_path / name, 1e9) for name in ("notes.txt", "a.model", f"{1:063x}.model", ".x.partial")
    ]
    links = [tmp_path / f"{number:064x}.model" for number in range(3)]
    for link in links:
        link.symlink_to(elsewhere)
    folder = tmp_path / f"{99:064x}.codebook"
    folder.mkdir()
    sweep(tmp_path, set(), 0)
    assert set(tmp_path.iterdir()) == {*others, *links, folder}
    sweep(tmp_path / "absent", set(), 0)
