"""A codebook in parts: the bytes of each file, the round trip, and what is refused."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load, save

from dsc_common.codebook.parts import WordsFile, codewords_to_bytes, map_codewords, map_words, words_file
from dsc_common.codebook.transform import Transform
from dsc_common.errors import DamagedIndexError
from helpers.examples import random_codebook

DTYPES = st.sampled_from([np.float16, np.float32])


def test_the_bytes_of_a_sub_codebook() -> None:
    words = np.float16([[[1, -2]]])
    header = b'{"words": {"dtype": "F16", "shape": [1, 1, 2], "data_offsets": [0, 4]}}'
    padded = header.ljust(72)
    assert len(header) == 71
    assert WordsFile(words)[:] == struct.pack("<Q", 72) + padded + b"\x00\x3c\x00\xc0"


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), DTYPES, st.data())
def test_each_part_is_a_block_of_the_words(sizes: list[int], dtype: type, data: st.DataObject) -> None:
    codebook = random_codebook(np.random.default_rng(1), sizes, 2, 3, dtype)
    label = data.draw(st.integers(0, len(sizes) - 1))
    file = words_file(codebook, label)
    whole = file[:]
    words = codebook.words[sum(sizes[:label]) : sum(sizes[: label + 1])]
    assert b"".join(file.blocks()) == whole
    assert len(file) == len(whole)
    assert same(load(whole), {"words": words})
    start, stop = (data.draw(st.integers(0, len(whole) + 9)) for _ in range(2))
    assert file[start:stop] == whole[start:stop]


def same(one: dict[str, NDArray[np.generic]], two: dict[str, NDArray[np.generic]]) -> bool:
    return one.keys() == two.keys() and all(
        one[key].dtype == two[key].dtype and np.array_equal(one[key], two[key]) for key in one
    )


@pytest.mark.parametrize("sizes", [[3, 0, 2], [0, 0]])
def test_parts_are_mapped_as_they_were(sizes: list[int], tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    codebook = random_codebook(rng, sizes, 2, 3)
    mean = rng.standard_normal(7).astype(np.float32)
    transform = Transform(mean, rng.standard_normal((7, 6)).astype(np.float32))
    object.__setattr__(codebook, "transform", transform)
    (tmp_path / "c").write_bytes(codewords_to_bytes(codebook))
    mapped = map_codewords(tmp_path / "c")
    assert np.array_equal(mapped.codewords, codebook.codewords)
    assert np.array_equal(mapped.offsets, codebook.offsets)
    assert np.array_equal(mapped.transform.mean, mean)
    assert np.array_equal(mapped.transform.projection, transform.projection)
    for label, size in enumerate(sizes):
        (tmp_path / "r").write_bytes(words_file(codebook, label)[:])
        words = map_words(tmp_path / "r", (size, 2, 3))
        assert np.array_equal(np.float32(words), codebook.subcodebooks(label))
        assert not (words.size and words.flags.writeable)


GOOD = {
    "codewords": np.zeros((2, 4), dtype=np.float32),
    "offsets": np.array([0, 1, 3]),
    "mean": np.zeros(0, dtype=np.float32),
    "projection": np.zeros((0, 0), dtype=np.float32),
}
BAD = {
    "another type": {"codewords": np.zeros((2, 4))},
    "one dimension": {"codewords": np.zeros(4, dtype=np.float32)},
    "offsets that fall": {"offsets": np.array([0, 3, 1])},
    "offsets of another K": {"offsets": np.array([0, 3])},
    "another tensor": {"words": np.zeros(1, dtype=np.float32)},
    "a projection to another F": {
        "mean": np.zeros(3, dtype=np.float32),
        "projection": np.zeros((3, 5), dtype=np.float32),
    },
    "a mean of another F": {"mean": np.zeros(3, dtype=np.float32)},
}


@pytest.mark.parametrize("changed", BAD.values(), ids=BAD.keys())
def test_other_codewords_are_refused(changed: dict[str, NDArray[np.generic]], tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_bytes(save(GOOD))
    map_codewords(path)
    path.write_bytes(save({**GOOD, **changed}))
    with pytest.raises(DamagedIndexError, match=r"^the file of codewords is damaged: "):
        map_codewords(path)


def test_other_words_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_bytes(save({"words": np.zeros((2, 3, 4), dtype=np.float16)}))
    with pytest.raises(DamagedIndexError, match=r"does not fit: expected words \(3, 3, 4\), got \(2, 3, 4\)"):
        map_words(path, (3, 3, 4))
    for content in (b"", b"x" * 99, save({"words": np.zeros((2, 3, 4))}), cut(path.read_bytes())):
        path.write_bytes(content)
        with pytest.raises(DamagedIndexError, match=r"^a sub-codebook is damaged: "):
            map_words(path, (2, 3, 4))


def cut(data: bytes) -> bytes:
    (length,) = struct.unpack("<Q", data[:8])
    assert json.loads(data[8 : 8 + length])
    return data[:-1]
