"""The write-ahead log of the store stays small: it must not take the last room of a small disk."""

from contextlib import closing
from pathlib import Path

from dsc_device.store.database import Database


def test_the_log_of_many_changes_is_small(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "device.sqlite")) as database:
        for number in range(200):
            with database.changing() as connection:
                connection.execute(
                    "INSERT OR REPLACE INTO kept VALUES (?, ?)", (f"name {number % 3}", bytes(4000))
                )
        assert (tmp_path / "device.sqlite-wal").stat().st_size < 500_000
