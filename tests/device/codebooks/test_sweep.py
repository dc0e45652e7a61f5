"""What a cache of downloads keeps, and what it does not touch."""

import os
import time
from pathlib import Path

from dsc_common.files.lock import try_lock
from dsc_device.codebooks.sweep import KEPT, STALE_S, mark_used, sweep

NOW = time.time()


def write(path: Path, age_s: float) -> Path:
    path.write_bytes(b"x")
    os.utime(path, (NOW - age_s, NOW - age_s))
    return path


def test_the_last_used_files_of_each_kind_stay(tmp_path: Path) -> None:
    codebooks = [write(tmp_path / f"{number:064x}.codebook", 10.0 * number) for number in range(6)]
    models = [write(tmp_path / f"{number:064x}.model", 1e6 * number) for number in range(2)]
    mark_used(codebooks[5])
    sweep(tmp_path, {codebooks[4]})
    kept = {codebooks[5], *codebooks[: KEPT - 1], codebooks[4], *models}
    assert set(tmp_path.iterdir()) == kept


def test_stale_partial_files_go_unless_a_process_downloads_into_them(tmp_path: Path) -> None:
    name = f".{1:064x}.model"
    stale = [
        write(tmp_path / f"{name}.1000.partial", STALE_S + 60),
        write(tmp_path / f"{name}.partial-0a1b2c3d", STALE_S + 60),  # of version 0.2
    ]
    fresh = write(tmp_path / f".{2:064x}.model.1000.partial", 60)
    busy = write(tmp_path / f".{3:064x}.codebook.1000.partial", STALE_S + 60)
    with busy.open("ab") as other:
        assert try_lock(other.fileno())
        sweep(tmp_path, set())
    assert not any(path.exists() for path in stale)
    assert set(tmp_path.iterdir()) == {fresh, busy}


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    elsewhere = write(tmp_path.parent / "elsewhere", 1e9)
    others = [
        write(tmp_path / name, 1e9) for name in ("notes.txt", "a.model", f"{1:063x}.model", ".x.partial")
    ]
    links = [tmp_path / f"{number:064x}.model" for number in range(KEPT + 2)]
    for link in links:
        link.symlink_to(elsewhere)
    folder = tmp_path / f"{99:064x}.codebook"
    folder.mkdir()
    sweep(tmp_path, set())
    assert set(tmp_path.iterdir()) == {*others, *links, folder}
    sweep(tmp_path / "absent", set())
