"""Photos that are kept have the pixels of the file, to the bit; the limit holds; batches come in order."""

from pathlib import Path

import pytest
import torch

from dsc_common.errors import InvalidImageError
from dsc_common.features.images import load_pixels
from dsc_model.training.photo_reader import PhotoReader
from dsc_model.training.tuples import Photo
from helpers.tiny_torch import write_groups


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Photo]:
    folder = write_groups(tmp_path_factory.mktemp("photos") / "a", 2, 4)
    return [Photo(path) for path in sorted(folder.rglob("*.png"))]


@pytest.mark.parametrize("limit", [0, 3 * 48 * 48 * 2, 1 << 30])
def test_pixels_are_those_of_the_file_each_time(photos: list[Photo], limit: int) -> None:
    reader = PhotoReader(48, limit)
    expected = [torch.from_numpy(load_pixels(photo.path, 48)) for photo in photos]
    for _ in range(2):
        batches = list(reader.ahead([photos[:3], photos[3:4], photos[4:]]))
        assert [len(batch) for batch in batches] == [3, 1, 4]
        found = [pixels for batch in batches for pixels in batch]
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_kept_photos_are_not_read_again_and_others_are(photos: list[Photo], tmp_path: Path) -> None:
    copies = [Photo(tmp_path / f"{number}.png") for number in range(2)]
    for copy in copies:
        copy.path.write_bytes(photos[0].path.read_bytes())
    first = PhotoReader(48).read(copies[0])
    reader = PhotoReader(48, max_kept_bytes=first.numel())
    for copy in copies:
        reader.read(copy)
        copy.path.unlink()
    assert torch.equal(reader.read(copies[0]), first)
    with pytest.raises(InvalidImageError):
        reader.read(copies[1])


def test_a_box_is_another_photo(photos: list[Photo]) -> None:
    reader = PhotoReader(48)
    part = Photo(photos[0].path, (0, 0, 40, 36))
    assert reader.read(photos[0]).shape != reader.read(part).shape
    assert torch.equal(reader.read(part), torch.from_numpy(load_pixels(part.path, 48, part.box)))
