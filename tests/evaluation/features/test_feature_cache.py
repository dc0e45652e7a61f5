"""The feature cache: the same bytes with it and without, whatever happens to its file."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dsc_common.benchmark.ground_truth import Benchmark, EvaluationQuery
from dsc_common.errors import InvalidImageError, InvalidInputError
from dsc_common.features import cached_extraction, feature_cache
from dsc_common.features.cached_extraction import extract_cached
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.features.feature_cache import FILE_NAME, FeatureCache, key_of, reading_version
from dsc_common.features.images import READING_VERSION, Box
from dsc_common.files import scratch
from dsc_common.progress import untracked
from dsc_eval.features.benchmark_features import BenchmarkFeatures, extract_readable
from dsc_eval.features.cache_folder import default_folder
from helpers.tiny_model import write_tiny_model
from helpers.whole_benchmark import extract_benchmark

BOX: Box = (5.0, 6.5, 40.0, 45.0)


@pytest.fixture(scope="module")
def extractor(tiny_model: Path) -> Extractor:
    return Extractor.from_file(tiny_model, threads=1)


@pytest.fixture
def benchmark(photos: Path) -> Benchmark:
    paths = sorted(photos.rglob("*.png"))
    queries = [
        EvaluationQuery(paths[0], BOX, frozenset({0}), frozenset(), "a"),
        EvaluationQuery(paths[3], None, frozenset({4}), frozenset(), "b"),
    ]
    return Benchmark("small", paths, queries)


@pytest.fixture
def told() -> list[str]:
    return []


def same(one: BenchmarkFeatures, other: BenchmarkFeatures) -> bool:
    pairs = [
        (one.database, other.database),
        (one.top_labels, other.top_labels),
        (one.top_probabilities, other.top_probabilities),
    ]
    for mine, others in zip(one.queries, other.queries, strict=True):
        pairs += [(mine.feature, others.feature), (mine.probabilities, others.probabilities)]
    return all(a.tobytes() == b.tobytes() and a.dtype == b.dtype and a.shape == b.shape for a, b in pairs)


def run(benchmark: Benchmark, extractor: Extractor, folder: Path, told: list[str]) -> BenchmarkFeatures:
    with FeatureCache(folder, told.append) as cache:
        return extract_benchmark(benchmark, extractor, untracked, cache)


class Idle(Extractor):
    """An extractor that must not be asked."""

    def __init__(self, other: Extractor) -> None:
        self.info = other.info

    def extract(self, path: Path, box: Box | None = None) -> Extraction:
        raise AssertionError(f"{path} {box} is extracted again")


def test_the_same_bytes_with_a_cache_and_without(
    benchmark: Benchmark, extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    plain = extract_benchmark(benchmark, extractor, untracked)
    filled = run(benchmark, extractor, tmp_path, told)
    read = run(benchmark, Idle(extractor), tmp_path, told)
    assert same(plain, filled)
    assert same(plain, read)
    assert told == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE_NAME, f"{FILE_NAME}.lock"]


def test_a_query_that_is_in_the_database_is_extracted_once(
    benchmark: Benchmark, extractor: Extractor
) -> None:
    asked: list[tuple[Path, Box | None]] = []

    class Counting(Extractor):
        def __init__(self) -> None:
            self.info = extractor.info

        def extract(self, path: Path, box: Box | None = None) -> Extraction:
            asked.append((path, box))
            return extractor.extract(path, box)

    features = extract_benchmark(benchmark, Counting(), untracked)
    assert len(asked) == len(set(asked)) == len(benchmark.database) + 1
    assert features.queries[1].feature.tobytes() == features.database[3].tobytes()
    order = np.argsort(-features.queries[1].probabilities, kind="stable")[:10]
    assert features.top_labels[3].tolist() == order.tolist()
    assert features.top_probabilities[3].tobytes() == features.queries[1].probabilities[order].tobytes()
    assert features.labels.tolist() == features.top_labels[:, 0].tolist()


def test_content_counts_and_names_do_not(
    photos: Path, extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    first, second = sorted(photos.rglob("*.png"))[:2]
    here = tmp_path / "photo.png"
    here.write_bytes(first.read_bytes())
    with FeatureCache(tmp_path, told.append) as cache:
        [one] = extract_cached(extractor, [(here, None)], cache)
        moved = here.rename(tmp_path / "moved.png")
        [again] = extract_cached(Idle(extractor), [(moved, None)], cache)
        moved.write_bytes(second.read_bytes())
        [other] = extract_cached(extractor, [(moved, None)], cache)
    assert isinstance(one, Extraction)
    assert isinstance(again, Extraction)
    assert isinstance(other, Extraction)
    assert one.feature.tobytes() == again.feature.tobytes()
    assert other.feature.tobytes() == extractor.extract(second).feature.tobytes()


def test_model_box_and_code_are_part_of_the_key(
    photos: Path, extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = next(photos.rglob("*.png"))
    boxes: list[Box | None] = [None, BOX, (5.0, 6.5, 40.0, 45.5)]
    other_model = replace(extractor.info, sha256="0" * 64)
    keys = {key_of(path, box, info) for box in boxes for info in (extractor.info, other_model)}
    monkeypatch.setattr(feature_cache, "reading_version", lambda: "another version")
    assert len(keys | {key_of(path, None, extractor.info)}) == 7
    assert {len(key) for key in keys} == {32}


def test_the_version_of_the_reading_code_and_of_packages_count(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {reading_version()}
    monkeypatch.setattr(feature_cache, "READING_VERSION", READING_VERSION + 1)
    reading_version.cache_clear()
    versions.add(reading_version())
    monkeypatch.setattr(feature_cache, "version", lambda name: "0" if name == "pillow" else "1")
    reading_version.cache_clear()
    versions.add(reading_version())
    reading_version.cache_clear()
    assert len(versions) == 3


def test_another_model_does_not_find_it(
    benchmark: Benchmark, extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    run(benchmark, extractor, tmp_path, told)
    path = write_tiny_model(tmp_path / "other.onnx", num_labels=12, feature_dim=8, seed=1)
    other = Extractor.from_file(path, threads=1)
    plain = extract_benchmark(benchmark, other, untracked)
    assert same(run(benchmark, other, tmp_path, told), plain)
    assert same(run(benchmark, Idle(other), tmp_path, told), plain)


def test_an_interrupted_run_keeps_what_it_has_computed(
    benchmark: Benchmark, extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    wanted: list[tuple[Path, Box | None]] = [(path, None) for path in benchmark.database]
    with FeatureCache(tmp_path, told.append) as cache:
        extractions = extract_cached(extractor, wanted, cache)
        for _ in range(5):
            next(extractions)
        extractions.close()
        list(extract_cached(Idle(extractor), wanted[:5], cache))


def test_several_batches(
    benchmark: Benchmark,
    extractor: Extractor,
    tmp_path: Path,
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = extract_benchmark(benchmark, extractor, untracked)
    monkeypatch.setattr(cached_extraction, "BATCH", 5)
    with FeatureCache(tmp_path, told.append) as cache:  # some are known, some are not
        list(extract_cached(extractor, [(path, None) for path in benchmark.database[::3]], cache))
    assert same(run(benchmark, extractor, tmp_path, told), plain)
    assert same(run(benchmark, Idle(extractor), tmp_path, told), plain)


def test_a_photo_that_changes_while_it_is_read_is_not_kept(
    photos: Path, extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    first, second = sorted(photos.rglob("*.png"))[:2]
    path = tmp_path / "a.png"
    path.write_bytes(first.read_bytes())

    class Late(Extractor):
        def __init__(self) -> None:
            self.info = extractor.info

        def extract(self, path: Path, box: Box | None = None) -> Extraction:
            path.unlink()
            path.write_bytes(second.read_bytes() + b" ")
            return extractor.extract(path, box)

    with FeatureCache(tmp_path, told.append) as cache:
        list(extract_cached(Late(), [(path, None)], cache))
        path.write_bytes(first.read_bytes())
        [extraction] = extract_cached(extractor, [(path, None)], cache)
    assert isinstance(extraction, Extraction)
    assert extraction.feature.tobytes() == extractor.extract(first).feature.tobytes()


def alter(folder: Path, statement: str) -> None:
    database = sqlite3.connect(folder / FILE_NAME)
    with database:
        database.execute(statement)
    database.close()


ROWS = {
    "a number": "UPDATE features SET feature = zeroblob(length(feature)) WHERE rowid = 4",
    "a probability": "UPDATE features SET probabilities = zeroblob(length(probabilities)) WHERE rowid = 4",
    "the checksum": "UPDATE features SET checksum = zeroblob(32) WHERE rowid = 4",
    "too short": "UPDATE features SET feature = substr(feature, 1, 8) WHERE rowid = 4",
    "text": "UPDATE features SET feature = 'abc' WHERE rowid = 4",
    "nothing": "UPDATE features SET probabilities = NULL WHERE rowid = 4",
    "of another photo": "UPDATE features SET (feature, probabilities, checksum) ="
    " (SELECT feature, probabilities, checksum FROM features WHERE rowid = 5) WHERE rowid = 4",
}


@pytest.mark.parametrize("statement", ROWS.values(), ids=ROWS.keys())
def test_a_damaged_row_is_told_and_computed_anew(
    statement: str, benchmark: Benchmark, extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    plain = run(benchmark, extractor, tmp_path, told)
    alter(tmp_path, statement)
    assert same(run(benchmark, extractor, tmp_path, told), plain)
    path = tmp_path / FILE_NAME
    assert told == [f"1 damaged rows in the feature cache {path}; they are computed anew"]
    assert same(run(benchmark, Idle(extractor), tmp_path, told), plain)
    assert len(told) == 1


def overwrite(start: int, data: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(start)
            file.write(data)

    return damage


FILES: dict[str, Callable[[Path], Any]] = {
    "text": lambda path: path.write_bytes(b"this is no database" * 99),
    "cut": lambda path: os.truncate(path, 5000),
    "its first bytes": overwrite(0, b"\xff" * 16),
    "its first page": overwrite(100, b"\xff" * 900),
    "its second page": overwrite(4096, b"\xff" * 4096),
}


@pytest.mark.parametrize(
    "statements",
    [["DROP TABLE features"], ["DROP TABLE features", "CREATE TABLE features (a, b)"], ["DROP TABLE files"]],
)
def test_a_cache_that_lacks_a_table_or_a_column_is_begun_again(
    statements: list[str], benchmark: Benchmark, extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    plain = run(benchmark, extractor, tmp_path, told)
    for statement in statements:
        alter(tmp_path, statement)
    assert same(run(benchmark, extractor, tmp_path, told), plain)
    assert len(told) <= 1  # without the table of files it goes on
    assert same(run(benchmark, extractor, tmp_path, told), plain)  # keeps what was lost
    assert same(run(benchmark, Idle(extractor), tmp_path, told), plain)
    assert len(told) <= 1


@pytest.mark.parametrize("damage", FILES.values(), ids=FILES.keys())
def test_a_damaged_file_is_told_and_begun_again(
    damage: Callable[[Path], None],
    benchmark: Benchmark,
    extractor: Extractor,
    tmp_path: Path,
    told: list[str],
) -> None:
    plain = run(benchmark, extractor, tmp_path, told)
    damage(tmp_path / FILE_NAME)
    assert same(run(benchmark, extractor, tmp_path, told), plain)
    path = re.escape(str(tmp_path / FILE_NAME))
    assert len(told) == 1
    assert re.fullmatch(rf"the feature cache {path} is damaged \([^\n]*\); set aside as [^\n]*", told[0])
    assert (tmp_path / "features.damaged").exists()
    assert same(run(benchmark, Idle(extractor), tmp_path, told), plain)
    assert len(told) == 1


@given(data=st.data())
def test_whatever_is_altered_the_numbers_are_right(
    data: st.DataObject, photos: Path, extractor: Extractor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wanted: list[tuple[Path, Box | None]] = [(path, None) for path in sorted(photos.rglob("*.png"))[:3]]
    folder, told = tmp_path_factory.mktemp("cache"), list[str]()
    with FeatureCache(folder, told.append) as cache:
        plain = list(extract_cached(extractor, wanted, cache))
    whole = bytearray((folder / FILE_NAME).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(whole) - 1))
        noise = data.draw(st.binary(min_size=1, max_size=20))[: len(whole) - start]
        whole[start : start + len(noise)] = noise
    cut = data.draw(st.just(len(whole)) | st.integers(1, len(whole)))
    (folder / FILE_NAME).write_bytes(whole[:cut])
    try:
        with FeatureCache(folder, told.append) as cache:
            read = list(extract_cached(extractor, wanted, cache))
    except InvalidInputError:
        return  # altered so that it is a database of something else
    for one, other in zip(plain, read, strict=True):
        assert isinstance(one, Extraction)
        assert isinstance(other, Extraction)
        assert one.feature.tobytes() == other.feature.tobytes()
        assert one.probabilities.tobytes() == other.probabilities.tobytes()
    assert not any("\n" in line for line in told)


def test_a_database_of_something_else_is_left_alone(tmp_path: Path, told: list[str]) -> None:
    alter(tmp_path, "CREATE TABLE birds (name TEXT)")
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(InvalidInputError, match=r"features\.sqlite is a database, but no feature cache"):
        FeatureCache(tmp_path, told.append)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_a_cache_of_another_format_is_told(tmp_path: Path, told: list[str]) -> None:
    FeatureCache(tmp_path, told.append).close()
    alter(tmp_path, "PRAGMA user_version = 2")
    with pytest.raises(InvalidInputError, match="no feature cache of format 1"):
        FeatureCache(tmp_path, told.append)


def test_a_place_that_cannot_be_used_is_told_and_the_numbers_are_the_same(
    benchmark: Benchmark, extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    (tmp_path / "file").touch()
    plain = extract_benchmark(benchmark, extractor, untracked)
    assert same(run(benchmark, extractor, tmp_path / "file" / "below", told), plain)
    path = tmp_path / "file" / "below" / FILE_NAME
    assert told == [f"the feature cache {path} is not used: Not a directory"]
    (tmp_path / FILE_NAME).mkdir()
    assert same(run(benchmark, extractor, tmp_path, told), plain)
    assert told[1:] == [f"the feature cache {tmp_path / FILE_NAME} is not used: unable to open database file"]


def test_a_full_disk_is_told_once(
    benchmark: Benchmark, extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    plain = extract_benchmark(benchmark, extractor, untracked)
    with FeatureCache(tmp_path, told.append) as cache:
        assert cache._database is not None
        cache._database.execute("PRAGMA max_page_count = 1")  # as many as there are
        cache.put({bytes([number]): plain.queries[0] for number in range(100)})
        assert same(extract_benchmark(benchmark, extractor, untracked, cache), plain)
    assert told == [f"the feature cache {tmp_path / FILE_NAME} is not used: database or disk is full"]


def test_a_damaged_file_that_another_process_uses_is_not_set_aside(
    benchmark: Benchmark, extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    plain = run(benchmark, extractor, tmp_path, told)
    with FeatureCache(tmp_path, told.append):
        overwrite(0, b"\xff" * 16)(tmp_path / FILE_NAME)
        assert same(run(benchmark, extractor, tmp_path, told), plain)
    assert len(told) == 1
    assert "is not used: file is not a database, and other processes use it" in told[0]
    assert not (tmp_path / "features.damaged").exists()


FILL = """
import sys
from pathlib import Path
from dsc_common.features.extractor import Extractor
from dsc_common.features.cached_extraction import extract_cached
from dsc_common.features.feature_cache import FeatureCache

extractor = Extractor.from_file(Path(sys.argv[1]), threads=1)
for path in sys.argv[3:]:  # a write for each
    with FeatureCache(Path(sys.argv[2]), print) as cache:
        list(extract_cached(extractor, [(Path(path), None)], cache))
"""


def test_processes_share_it(
    tiny_model: Path, benchmark: Benchmark, extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    paths = benchmark.database
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FILL, tiny_model, tmp_path, *photos], stdout=subprocess.PIPE, text=True
        )
        for photos in (paths[:8], paths[:3:-1])
    ]
    assert [process.communicate(timeout=120)[0] for process in processes] == ["", ""]
    assert [process.returncode for process in processes] == [0, 0]
    with FeatureCache(tmp_path, told.append) as cache:
        read = list(extract_cached(Idle(extractor), [(path, None) for path in paths], cache))
    for path, extraction in zip(paths, read, strict=True):
        assert isinstance(extraction, Extraction)
        assert extraction.feature.tobytes() == extractor.extract(path).feature.tobytes()


def test_what_cannot_be_read_is_left_out_and_positions_move(
    benchmark: Benchmark, extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    (tmp_path / "bad.png").write_text("no photo")
    database = [tmp_path / "bad.png", *benchmark.database[:4], tmp_path / "none.png"]
    paths = benchmark.database

    def asked(path: Path, positives: set[int], junk: set[int]) -> EvaluationQuery:
        return EvaluationQuery(path, None, frozenset(positives), frozenset(junk), "g")

    queries = [
        asked(paths[2], {0, 1, 4}, {5, 2}),
        asked(tmp_path / "bad.png", {1}, set()),
        asked(paths[1], {0, 5}, {1}),
        asked(paths[7], {2}, set()),
    ]
    errors: list[str] = []
    with FeatureCache(tmp_path / "cache", told.append) as cache:
        fewer, features = extract_readable(
            Benchmark("some", database, queries),
            extractor,
            untracked,
            lambda path, error: errors.append(f"{path.name}: {error}"),
            cache,
        )
    assert fewer.database == paths[:4]
    assert fewer.queries == [asked(paths[2], {0, 3}, {1}), asked(paths[7], {1}, set())]
    assert features.database.shape == (4, 16)
    for number, path in enumerate(paths[:4]):
        assert features.database[number].tobytes() == extractor.extract(path).feature.tobytes()
    assert features.queries[1].feature.tobytes() == extractor.extract(paths[7]).feature.tobytes()
    told_of = [error.split(":")[0] for error in errors]
    assert told_of == [
        "bad.png",
        "none.png",
        "bad.png",
    ]  # one of them once of the database and once as a query
    with pytest.raises(InvalidImageError):
        extract_benchmark(Benchmark("some", database, queries), extractor, untracked)
    with pytest.raises(InvalidInputError, match="some: no query is left of what can be read"):
        extract_readable(
            Benchmark("some", database, queries[2:3]), extractor, untracked, lambda _path, _error: None, None
        )


def test_large_sets_lie_in_a_file(
    benchmark: Benchmark, extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = extract_benchmark(benchmark, extractor, untracked)
    monkeypatch.setattr(scratch, "MAX_MEMORY_BYTES", 100)
    large = extract_benchmark(benchmark, extractor, untracked)
    assert isinstance(large.database, np.memmap)
    assert same(plain, large)


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "dsc-eval"
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert default_folder() == Path.home() / ".cache" / "dsc-eval"


def test_a_photo_with_alpha_and_a_box_goes_through_the_cache(
    extractor: Extractor, tmp_path: Path, told: list[str]
) -> None:
    Image.new("RGBA", (50, 50), (200, 10, 10, 128)).save(tmp_path / "a.png")
    wanted: list[tuple[Path, Box | None]] = [(tmp_path / "a.png", BOX), (tmp_path / "a.png", (0, 0, 60, 10))]
    with FeatureCache(tmp_path, told.append) as cache:
        for _ in range(2):
            inside, outside = extract_cached(extractor, wanted, cache)
            assert isinstance(inside, Extraction)
            assert isinstance(outside, InvalidImageError)  # a box outside of the photo is never kept
