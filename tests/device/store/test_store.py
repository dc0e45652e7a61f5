"""The store on disk: order, limits, request ids, one process, damage, lack of room."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dsc_common.errors import DscError, InvalidInputError, SettingError
from dsc_device.store.database import StoreLostError
from dsc_device.store.ledger import PhotoState
from dsc_device.store.outbox import Line, Place
from dsc_device.store.photo_stamp import PhotoStamp
from dsc_device.store.queue import ROW_BYTES, QueueLimits
from dsc_device.store.reading import read_store
from dsc_device.store.store import ANSWERED, DROPPED_DAMAGED, FILE_NAME, LOCK_NAME, Store, open_store
from helpers.queued import entry_of

LIMITS = QueueLimits()


def names_of(store: Store) -> list[str]:
    """Names in the queue, which is emptied."""
    names = []
    while (waiting := store.oldest()) is not None:
        names.append(waiting.entry.name if waiting.entry else "damaged")
        store.drop(waiting.number, DROPPED_DAMAGED)
    return names


def silent(line: str) -> None:
    raise AssertionError(line)


def test_queries_come_out_in_their_order_after_a_new_start(tmp_path: Path) -> None:
    with open_store(tmp_path / "state", LIMITS, silent) as store:
        for name in ("b", "a", "c"):
            assert store.add(entry_of(name)) == 0
    with open_store(tmp_path / "state", LIMITS, silent) as store:
        assert store.counts()["queued"] == 3
        assert names_of(store) == ["b", "a", "c"]
        assert (store.counts()["queued"], store.counts()["queued_bytes"]) == (0, 0)


def test_only_its_user_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with open_store(folder, LIMITS, silent) as store:
        store.add(entry_of("a"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes[FILE_NAME] == 0o600
    assert {mode & 0o077 for mode in modes.values()} == {0}


def test_a_full_queue_drops_the_oldest_and_counts_them(tmp_path: Path) -> None:
    with open_store(tmp_path, QueueLimits(queries=3), silent) as store:
        dropped = [store.add(entry_of(name)) for name in "abcde"]
        assert dropped == [0, 0, 0, 1, 1]
        assert store.counts()["dropped_full"] == 2
        assert names_of(store) == ["c", "d", "e"]


def test_bytes_are_limited(tmp_path: Path) -> None:
    size = ROW_BYTES + 2 * (16 + 32) + 1  # q and p in half precision, and a name of one letter
    with open_store(tmp_path, QueueLimits(bytes=2 * size), silent) as store:
        assert [store.add(entry_of(name)) for name in "abc"] == [0, 0, 1]
        assert store.counts()["queued_bytes"] == 2 * size
        assert names_of(store) == ["b", "c"]
    with open_store(tmp_path, QueueLimits(bytes=1), silent) as store:
        assert [store.add(entry_of(name)) for name in "ab"] == [0, 1]
        assert names_of(store) == ["b"]  # the newest stays, whatever its size


def test_the_query_that_is_being_sent_stays(tmp_path: Path) -> None:
    with open_store(tmp_path, QueueLimits(queries=2), silent) as store:
        store.add(entry_of("a"))
        waiting = store.oldest()
        assert waiting is not None
        for name in "bcd":
            store.add(entry_of(name))
        store.answer(waiting.number, Line(b"a\n", Place()), ANSWERED)
        assert names_of(store) == ["d"]


def test_request_ids_are_of_the_content_and_unique(tmp_path: Path) -> None:
    with open_store(tmp_path, LIMITS, silent) as store:
        for name, given in (("a", ""), ("a", ""), ("b", ""), ("a", "mine"), ("a", "")):
            store.add(entry_of(name, given))
        ids = []
        while (waiting := store.oldest()) is not None and waiting.entry is not None:
            ids.append(waiting.entry.request_id)
            store.drop(waiting.number, DROPPED_DAMAGED)
    a, b = (entry_of(name).content.hex()[:16] for name in "ab")
    assert ids == [a, f"{a}-2", b, "mine", f"{a}-3"]


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    line = f"^another process uses the store in {re.escape(str(tmp_path))}$"
    with (
        open_store(tmp_path, LIMITS, silent),
        pytest.raises(InvalidInputError, match=line),
        open_store(tmp_path, LIMITS, silent),
    ):
        pass


def test_others_may_look_while_it_is_used(tmp_path: Path) -> None:
    assert read_store(tmp_path, "s").counts == {}
    with open_store(tmp_path, LIMITS, silent) as store:
        store.add(entry_of("a"), PhotoStamp(Path("/a"), 1, 2, 3, 4))
        store.keep_manifest("s", b"a\0b")
        content = read_store(tmp_path, "s")
    assert (content.counts["queued"], content.oldest_ns) == (1, 10**18)
    assert (content.photos, content.manifest) == ({"queued": 1}, b"a\0b")
    assert read_store(tmp_path, "another").manifest is None


def test_a_store_in_a_folder_that_may_not_be_written_can_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(tmp_path, LIMITS, silent) as store:
        store.add(entry_of("a"))
    (tmp_path / LOCK_NAME).unlink(missing_ok=True)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    opened = sqlite3.connect
    names: list[str] = []
    monkeypatch.setattr(sqlite3, "connect", lambda name, **how: names.append(name) or opened(name, **how))
    assert read_store(tmp_path, "s").counts["queued"] == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]  # SQLite's log is not needed
    assert names[0].endswith("?mode=ro&immutable=1")
    with open_store(tmp_path, LIMITS, silent) as store:
        store.add(entry_of("b"))
        assert read_store(tmp_path, "s").counts["queued"] == 2  # of the log
    assert names[-1].endswith("?mode=ro")


@pytest.mark.parametrize("damage", ["text", "cut", "foreign"])
def test_a_damaged_file_is_put_aside_with_one_line(damage: str, tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    with open_store(tmp_path, LIMITS, silent) as store:
        for number in range(50):
            store.add(entry_of(f"{number}"))
    if damage == "foreign":
        path.unlink()
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE t (a)")
    else:
        path.write_bytes(b"no database" * 99 if damage == "text" else path.read_bytes()[:9000])
    damaged = path.read_bytes()
    lines: list[str] = []
    with open_store(tmp_path, LIMITS, lines.append) as store:
        assert store.oldest() is None
        store.add(entry_of("new"))
    (line,) = lines
    assert line.startswith(f"error: the store {path} is damaged (")
    assert "put aside as device.sqlite.damaged-1" in line
    assert (tmp_path / "device.sqlite.damaged-1").read_bytes() == damaged
    with open_store(tmp_path, LIMITS, silent) as store:
        assert names_of(store) == ["new"]


def test_damage_that_shows_later_ends_the_command_and_not_the_next(tmp_path: Path) -> None:
    with open_store(tmp_path, LIMITS, silent) as store:
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
            other.execute("DROP TABLE outbox")
        with pytest.raises(StoreLostError, match=r"is damaged .* put aside as device\.sqlite\.damaged-1"):
            store.pending_line()
    with open_store(tmp_path, LIMITS, silent) as store:
        assert store.pending_line() is None


def test_a_damaged_row_is_seen(tmp_path: Path) -> None:
    with open_store(tmp_path, LIMITS, silent) as store:
        store.add(entry_of("a"))
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other, other:
            other.execute("UPDATE queue SET feature = zeroblob(32)")
        waiting = store.oldest()
    assert waiting is not None
    assert waiting.entry is None


def test_photo_and_query_are_stored_together_or_not_at_all(tmp_path: Path) -> None:
    stamp = PhotoStamp(Path("/a"), 1, 2, 3, 4)
    with open_store(tmp_path, LIMITS, silent) as store:
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
            other.execute("CREATE TRIGGER no BEFORE INSERT ON queue BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(Exception, match="no"):
            store.add(entry_of("a"), stamp)
        assert not store.is_known(stamp)
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
            other.execute("DROP TRIGGER no")
        store.add(entry_of("a"), stamp)
        assert store.is_known(stamp)
        assert store.oldest().entry.request_id == entry_of("a").content.hex()[:16]  # type: ignore[union-attr]


FILLS = """
import resource, signal, sys
from pathlib import Path
from dsc_device.store.database import NoRoomError
from dsc_device.store.queue import QueueLimits
from dsc_device.store.store import open_store
from helpers.queued import entry_of
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
confirmed = 0
with open_store(Path(sys.argv[1]), QueueLimits(), print) as store:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    try:
        while True:
            store.add(entry_of(f"{confirmed}"))
            confirmed += 1
    except NoRoomError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.add(entry_of("room again"))
print(confirmed)
"""


def test_a_full_disk_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILLS, str(tmp_path)]
    paths = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=paths, timeout=60)
    line, confirmed = done.stdout.splitlines()
    assert line.startswith(f"cannot write {tmp_path / FILE_NAME}: ")
    assert int(confirmed) >= 5
    with open_store(tmp_path, LIMITS, silent) as store:
        assert names_of(store) == [*map(str, range(int(confirmed))), "room again"]


def test_ledger_states_are_kept(tmp_path: Path) -> None:
    stamps = [PhotoStamp(Path(f"/{n}"), 1, n, 3, 4) for n in range(3)]
    with open_store(tmp_path, LIMITS, silent) as store:
        store.pass_over(stamps[:2], PhotoState.PASSED)
        assert [store.is_known(stamp) for stamp in stamps] == [True, True, False]
        folder = Path("/photos")
        assert not store.is_watched(folder)
        store.mark_watched(folder)
        assert store.is_watched(folder)


def test_an_empty_file_becomes_a_store_and_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    with pytest.raises(DscError, match=r"^expected a store of dsc-device, got an empty file: "):
        read_store(tmp_path, "a:1")
    lines: list[str] = []
    with open_store(tmp_path, LIMITS, lines.append) as store:
        store.add(entry_of("a"))
    assert len(lines) == 1
    assert lines[0].startswith(f"note: the store {tmp_path / FILE_NAME} has 0 bytes; a new one begins: ")
    assert read_store(tmp_path, "a:1").counts["queued"] == 1


def test_the_log_beside_an_empty_file_is_put_aside_with_it(tmp_path: Path) -> None:
    log = Path(f"{tmp_path / FILE_NAME}-wal")
    with open_store(tmp_path, LIMITS, silent) as store:
        store.add(entry_of("a"))
        content = log.read_bytes()
    assert content
    (tmp_path / FILE_NAME).write_bytes(b"")
    log.write_bytes(content)
    lines: list[str] = []
    with open_store(tmp_path, LIMITS, lines.append) as store:
        assert names_of(store) == []
    assert len(lines) == 1
    assert f"is damaged (it has 0 bytes, and its log {len(content):,}); put aside as " in lines[0]
    assert ".recover" not in lines[0]  # it would begin by removing the log
    assert (tmp_path / f"{FILE_NAME}.damaged-1-wal").read_bytes() == content


def make_file(path: Path) -> None:
    path.write_bytes(b"")


def make_link(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("make", "place", "line"),
    [
        (make_file, "state", "expected a folder for the queue, got a file: {}"),
        (make_link, "state", "expected a folder for the queue, got a link: {}"),
        (make_file, ".", "expected a folder for the queue, got a file: {}"),
        (Path.mkdir, f"state/{FILE_NAME}", "expected a regular file, got a folder: {}"),
        (make_link, f"state/{FILE_NAME}", "expected a regular file, got a link: {}"),
        (os.mkfifo, f"state/{FILE_NAME}", "expected a regular file, got a pipe: {}"),
    ],
)
def test_what_lies_in_the_place_of_a_store_is_named(
    make: Callable[[Path], None], place: str, line: str, tmp_path: Path
) -> None:
    there = tmp_path / "parent" / place
    there.parent.mkdir(parents=True, exist_ok=True)
    make(there)
    opening = [
        lambda: read_store(tmp_path / "parent" / "state", "a:1"),
        lambda: open_store(tmp_path / "parent" / "state", LIMITS, silent).__enter__(),
    ]
    for open_it in opening:
        with pytest.raises(SettingError) as refused:
            open_it()
        assert str(refused.value) == line.format(there)
