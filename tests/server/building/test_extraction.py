"""Many photos: in their order, few at a time, features on disk; what cannot be read is told."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsc_common.errors import InvalidImageError
from dsc_common.features import cached_extraction
from dsc_common.features.cached_extraction import extract_cached
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor, ModelInfo
from dsc_common.features.feature_cache import FeatureCache
from dsc_common.features.hardware import CPU
from dsc_common.features.images import Box
from dsc_common.features.parallel import (
    MOST_WAITING_PER_THREAD,
    PHOTOS_AHEAD_PER_THREAD,
    extract_in_order,
)
from dsc_common.progress import untracked
from dsc_server.building.extraction import extract_all, readable_photos
from dsc_server.building.photos import Photo, find_photos
from dsc_server.building.tally import Tally
from helpers.tiny_model import write_tiny_model

THREADS = 4


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: THREADS)


class FakeExtractor:
    """Makes of photo `n` the feature [n]; may do each four photos in reverse order."""

    hardware, batch = CPU, 1

    def __init__(self, *, reverse: bool = False) -> None:
        self._reverse = reverse
        self.asked: list[tuple[str, Box | None]] = []
        self.at_once = self.most_at_once = 0
        self.info = ModelInfo("fake", 64, 1, ("a", "b", "c"), "00")
        self._lock = threading.Lock()
        self._done = [threading.Event() for _ in range(200)]

    def extract(self, path: Path, box: Box | None = None) -> Extraction:
        number = int(path.name)
        with self._lock:
            self.asked.append((path.name, box))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        if self._reverse and number % THREADS < THREADS - 1:
            self._done[number + 1].wait(timeout=30)
        with self._lock:
            self.at_once -= 1
        self._done[number].set()
        return Extraction(np.array([number], dtype=np.float32), np.zeros(3, dtype=np.float32))


def numbered(count: int) -> list[tuple[Path, Box | None]]:
    return [(Path(str(number)), (0.0, 0.0, 1.0, number)) for number in range(count)]


def test_in_order_though_done_in_another() -> None:
    extractor = FakeExtractor(reverse=True)
    found = list(extract_in_order(extractor, numbered(40)))  # type: ignore[arg-type]
    assert [int(extraction.feature[0]) for extraction in found] == list(range(40))
    assert sorted(extractor.asked, key=lambda asked: int(asked[0])) == [
        (path.name, box) for path, box in numbered(40)
    ]
    assert extractor.most_at_once == THREADS


def test_a_few_photos_ahead_and_no_more() -> None:
    drawn = 0

    def endless() -> Iterator[tuple[Path, None]]:
        nonlocal drawn
        while True:
            drawn += 1
            yield Path(str(drawn - 1)), None

    extractions = extract_in_order(FakeExtractor(), endless())  # type: ignore[arg-type]
    for taken in range(1, 100):
        assert int(next(extractions).feature[0]) == taken - 1
        assert drawn <= taken + THREADS * PHOTOS_AHEAD_PER_THREAD
    extractions.close()


def test_no_photos_no_extractions() -> None:
    assert list(extract_in_order(FakeExtractor(), [])) == []  # type: ignore[arg-type]


def test_when_the_reader_stops_the_rest_is_not_extracted() -> None:
    extractor = FakeExtractor()
    extractions = extract_in_order(extractor, numbered(200))  # type: ignore[arg-type]
    next(extractions)
    extractions.close()
    assert len(extractor.asked) <= 1 + THREADS * PHOTOS_AHEAD_PER_THREAD
    assert extractor.at_once == 0


def test_a_batch_of_kept_features_is_no_barrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each photo waits for the next ones, of other batches; some are kept already."""
    monkeypatch.setattr(cached_extraction, "BATCH", 2)
    paths = [tmp_path / str(number) for number in range(40)]
    for path in paths:
        path.write_text(path.name)
    extractor, hits = FakeExtractor(reverse=True), []
    with FeatureCache(tmp_path / "kept", pytest.fail) as cache:
        photos: list[tuple[Path, Box | None]] = [(path, None) for path in paths]
        list(extract_cached(FakeExtractor(), photos[8:17], cache))  # type: ignore[arg-type]
        for event in extractor._done[8:17]:
            event.set()
        found = list(extract_cached(extractor, photos, cache, lambda: hits.append(1)))  # type: ignore[arg-type]
    assert [int(extraction.feature[0]) for extraction in found] == list(range(40))  # type: ignore[union-attr]
    assert (len(hits), len(extractor.asked)) == (9, 31)
    assert extractor.most_at_once == THREADS


def test_known_extractions_come_out_in_their_places() -> None:
    """Also many of them at once, of which few wait."""
    drawn = 0

    def some_known() -> Iterator[tuple[Path, None] | Extraction]:
        nonlocal drawn
        for number in range(2000):
            drawn += 1
            if number % 500 == 3:
                yield Path(str(number // 500)), None
            else:
                yield known[number]

    known = [Extraction(np.array([number]), np.zeros(3)) for number in range(2000)]  # type: ignore[arg-type]
    extractor = FakeExtractor()
    for number, extraction in enumerate(extract_in_order(extractor, some_known())):  # type: ignore[arg-type]
        if number % 500 == 3:
            assert int(extraction.feature[0]) == number // 500  # type: ignore[union-attr]
        else:
            assert extraction is known[number]
        assert drawn <= number + 1 + THREADS * MOST_WAITING_PER_THREAD
    assert (number, len(extractor.asked)) == (1999, 4)


def test_what_cannot_be_read_is_in_its_place_and_other_errors_come_out() -> None:
    class Failing:
        def __init__(self, error: Exception) -> None:
            self._error = error

        def extract(self, path: Path, _box: Box | None) -> Extraction:
            if path.name == "2":
                raise self._error
            return Extraction(np.zeros(1, dtype=np.float32), np.zeros(1, dtype=np.float32))

    error = InvalidImageError("cannot read 2")
    found = list(extract_in_order(Failing(error), numbered(5)))  # type: ignore[arg-type]
    assert [extraction is error for extraction in found] == [False, False, True, False, False]
    with pytest.raises(RuntimeError, match=r"^out of memory$"):
        list(extract_in_order(Failing(RuntimeError("out of memory")), numbered(5)))  # type: ignore[arg-type]


def test_features_and_labels_are_those_of_each_photo(tiny_model: Path, photos: Path, tmp_path: Path) -> None:
    extractor = Extractor.from_file(tiny_model, threads=1)
    found = find_photos([photos])
    shown: list[tuple[str, int]] = []

    def track(items: Iterable[object], what: str, total: int) -> Iterable[object]:
        shown.append((what, total))
        return items

    read, features, labels = extract_all(found, extractor, tmp_path / "f.npy", Tally(pytest.fail), track)  # type: ignore[arg-type]
    assert read == found
    assert isinstance(features, np.memmap)
    assert features.shape == (12, 16)
    for number, photo in enumerate(found):
        extraction = extractor.extract(photo.path)
        assert features[number].tobytes() == extraction.feature.tobytes()
        likely = sorted(range(32), key=lambda label: -extraction.probabilities[label])
        assert labels[number].tolist() == likely[:10]
    assert labels.dtype == np.int64
    assert shown == [("extracting features", 12)]


def test_unreadable_photos_are_told_and_leave_no_gap(tiny_model: Path, tmp_path: Path) -> None:
    found = []
    for number in range(6):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (40, 40), (40 * number, 0, 0)).save(path)
        found.append(Photo(path.name, path))
    (tmp_path / "1.png").write_bytes(b"not a photo")
    cut = (tmp_path / "4.png").read_bytes()
    (tmp_path / "4.png").write_bytes(cut[: len(cut) - 30])
    told: list[str] = []
    tell = Tally(told.append)
    with_good_headers = readable_photos(found, tell, untracked)
    assert [photo.id for photo in with_good_headers] == ["0.png", "2.png", "3.png", "4.png", "5.png"]
    extractor = Extractor.from_file(tiny_model)
    read, features, labels = extract_all(found, extractor, tmp_path / "f.npy", tell)
    assert [photo.id for photo in read] == ["0.png", "2.png", "3.png", "5.png"]
    assert features.shape == (4, 16)
    assert labels.shape == (4, 10)
    for photo, feature in zip(read, features, strict=True):
        assert feature.tobytes() == extractor.extract(photo.path).feature.tobytes()
    assert [name for line in told for name in ("1.png", "4.png") if name in line] == [
        "1.png",
        "1.png",
        "4.png",
    ]


def test_no_photo_at_all(tiny_model: Path, tmp_path: Path) -> None:
    extractor = Extractor.from_file(tiny_model)
    read, features, labels = extract_all([], extractor, tmp_path / "f.npy", Tally(pytest.fail))
    assert (read, features.shape, labels.shape) == ([], (0, 16), (0, 10))


def test_a_model_of_few_labels_gives_all_of_them(photos: Path, tmp_path: Path) -> None:
    extractor = Extractor.from_file(write_tiny_model(tmp_path / "m.onnx", num_labels=3), threads=1)
    _, _, labels = extract_all(find_photos([photos]), extractor, tmp_path / "f.npy", Tally(pytest.fail))
    assert labels.shape == (12, 3)
    assert np.sort(labels, axis=1).tolist() == [[0, 1, 2]] * 12
