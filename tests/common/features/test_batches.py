"""Extraction in batches: the numbers of one photo at a time, in order, in batches of one shape."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dsc_common.errors import DscError, InvalidImageError
from dsc_common.features.batches import BATCHES_IN_CHUNK, extract_in_batches
from dsc_common.features.cached_extraction import extract_cached
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.features.feature_cache import FeatureCache
from dsc_common.features.parallel import Photo, extract_in_order
from dsc_common.features.session import CUDA
from helpers.tiny_model import write_tiny_model

SHAPES = [(60, 50), (50, 60), (64, 64), (64, 20)]


class Recording(Extractor):
    """An extractor that keeps the shapes of its batches."""

    def __init__(self, model: bytes) -> None:
        super().__init__(model)
        self.batches: list[tuple[int, tuple[int, ...]]] = []
        self.read: list[Path] = []

    def pixels(self, path: Path, box: tuple[float, float, float, float] | None = None) -> NDArray[np.float32]:
        self.read.append(path)
        return super().pixels(path, box)

    def run_batch(self, photos: Sequence[NDArray[np.float32]]) -> list[Extraction]:
        assert len({photo.shape for photo in photos}) == 1
        self.batches.append((len(photos), photos[0].shape))
        return super().run_batch(photos)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The tiny model for any number of photos."""
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx", photos="photos").read_bytes()


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> list[Photo]:
    """45 photos of four shapes, some with a box, one that cannot be read."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(3)
    photos: list[Photo] = []
    for number in range(45):
        path = folder / f"{number:02d}.png"
        noise = rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)
        Image.fromarray(noise).resize(SHAPES[int(rng.integers(len(SHAPES)))]).save(path)
        photos.append((path, (5.0, 5.0, 45.0, 20.0) if number % 9 == 4 else None))
    photos[7][0].write_bytes(b"no photo")
    return photos


def same(one: Extraction | InvalidImageError, other: Extraction | InvalidImageError) -> bool:
    if isinstance(one, InvalidImageError) or isinstance(other, InvalidImageError):
        return str(one) == str(other)
    return np.allclose(one.feature, other.feature, atol=1e-6) and np.allclose(
        one.probabilities, other.probabilities, atol=1e-6
    )


@pytest.mark.parametrize("batch", [1, 2, 5, 100])
def test_the_numbers_of_one_photo_at_a_time(model: bytes, wanted: list[Photo], batch: int) -> None:
    extractor = Recording(model)
    expected = list(extract_in_order(extractor, wanted))
    found = list(extract_in_batches(extractor, wanted, batch))
    assert isinstance(found[7], InvalidImageError)
    assert [same(*pair) for pair in zip(found, expected, strict=True)] == [True] * 45
    assert sum(count for count, _ in extractor.batches) == 44
    assert max(count for count, _ in extractor.batches) <= batch
    if batch == 100:  # one chunk: a batch of each shape
        assert len(extractor.batches) == len({shape for _, shape in extractor.batches})


def test_known_extractions_come_out_in_their_places(model: bytes, wanted: list[Photo]) -> None:
    extractor = Recording(model)
    known = Extraction(np.zeros(16, dtype=np.float32), np.ones(32, dtype=np.float32))
    mixed = [known if number % 3 else photo for number, photo in enumerate(wanted)]
    expected = list(extract_in_order(extractor, wanted))
    for number, found in enumerate(extract_in_batches(extractor, mixed, 4)):
        assert found is known if number % 3 else same(found, expected[number])


def test_two_chunks_are_read_and_no_more(model: bytes, wanted: list[Photo]) -> None:
    extractor, drawn = Recording(model), 0

    def endless() -> Iterator[Photo]:
        nonlocal drawn
        while True:
            drawn += 1
            yield wanted[0]

    extractions = extract_in_batches(extractor, endless(), 2)
    for taken in range(1, 50):
        next(extractions)
        assert drawn <= taken + 2 * BATCHES_IN_CHUNK * 2
    extractions.close()
    assert len(extractor.read) <= drawn


def test_an_error_of_the_network_comes_out(model: bytes, wanted: list[Photo]) -> None:
    extractor = Recording(model)
    extractor.pixels = lambda *_photo: np.zeros((1, 4, 8, 8), dtype=np.float32)  # type: ignore[method-assign]
    with pytest.raises(DscError, match=r"^4 photos of shape \(4, 8, 8\) failed: "):
        list(extract_in_batches(extractor, wanted, 4))


def test_after_an_error_no_photo_is_read_that_was_not_begun(model: bytes, wanted: list[Photo]) -> None:
    extractor = Recording(model)

    def fail(path: Path, _box: object = None) -> NDArray[np.float32]:
        extractor.read.append(path)
        raise RuntimeError("out of memory")

    extractor.pixels = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(RuntimeError, match=r"^out of memory$"):
        list(extract_in_batches(extractor, wanted * 20, 200))
    assert len(extractor.read) < 20 * len(wanted)


def test_features_of_other_hardware_are_kept_apart(model: bytes, wanted: list[Photo], tmp_path: Path) -> None:
    photos = [(Path(shutil.copy(path, tmp_path)), box) for path, box in wanted]
    extractor = Recording(model)
    extractor.batch = 4
    with FeatureCache(tmp_path / "kept", pytest.fail) as cache:
        for hardware, hits_twice in (("cpu", 44), (CUDA, 44)):
            extractor.hardware = hardware
            for expected in (0, hits_twice):
                hits: list[int] = []
                found = list(extract_cached(extractor, photos, cache, lambda hits=hits: hits.append(1)))
                assert len(hits) == expected
                assert [isinstance(one, Extraction) for one in found].count(False) == 1
    assert extractor.batches


def test_a_network_for_one_photo_is_run_with_one(tiny_model: Path, model: bytes) -> None:
    """Without a GPU nothing is run in batches."""
    assert Extractor(tiny_model.read_bytes()).batch == Extractor(model).batch == 1
