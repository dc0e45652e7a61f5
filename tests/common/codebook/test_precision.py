"""Stored words: closed forms, bounds of the rounding, and the round trip through every file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.codebook.codebook import Codebook, encode_residual
from dsc_common.codebook.file import codebook_from_bytes, codebook_to_bytes, map_codebook
from dsc_common.codebook.parts import codewords_to_bytes, map_codewords, map_words, words_file
from dsc_common.codebook.precision import Precision, restore, store
from dsc_common.errors import DamagedIndexError, InvalidInputError


def test_int8_is_a_scale_for_each_sub_vector() -> None:
    words = np.float32([[[0.5, -1.27], [0, 0]], [[1.27, 0.004], [0, 0]]])
    stored, scales = store(words, Precision.INT8)
    assert stored.dtype == np.int8
    assert stored.tolist() == [[[50, -127], [0, 0]], [[127, 0], [0, 0]]]
    assert np.allclose(scales, [0.01, 0])
    assert np.allclose(restore(stored, scales), [[[0.5, -1.27], [0, 0]], [[1.27, 0], [0, 0]]])


@given(st.integers(0, 9), st.integers(1, 4), st.integers(0, 2**32), st.floats(-30, 30))
def test_int8_is_at_most_half_a_step_away(num_words: int, width: int, seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    words = (rng.standard_normal((num_words, 3, width)) * 2.0**size).astype(np.float32)
    stored, scales = store(words, Precision.INT8)
    error = np.abs(restore(stored, scales) - words)
    assert (error <= 0.5001 * scales[:, None]).all()
    if num_words:
        assert np.allclose(np.abs(words).max(axis=(0, 2)), 127 * scales, rtol=1e-6)


@pytest.mark.parametrize("precision", [Precision.FLOAT16, Precision.FLOAT32])
def test_floats_are_rounded_and_no_more(precision: Precision) -> None:
    words = np.random.default_rng(1).standard_normal((5, 2, 3)).astype(np.float32)
    stored, scales = store(words, precision)
    assert stored.dtype == np.dtype(str(precision))
    assert np.array_equal(restore(stored, scales), words.astype(stored.dtype).astype(np.float32))


def int8_codebook() -> Codebook:
    rng = np.random.default_rng(2)
    words = rng.integers(-127, 128, (6, 2, 3)).astype(np.int8)
    scales = rng.random((3, 2)).astype(np.float32)
    codewords = rng.standard_normal((3, 6)).astype(np.float32)
    return Codebook(codewords, words, np.array([0, 2, 2, 6]), scales=scales)


def test_words_are_scale_times_int8() -> None:
    codebook = int8_codebook()
    for label, (start, stop) in enumerate([(0, 2), (2, 2), (2, 6)]):
        loop = [
            [[float(codebook.scales[label, m]) * int(step) for step in part] for m, part in enumerate(word)]
            for word in codebook.words[start:stop]
        ]
        expected = np.float32(loop).reshape(-1, 2, 3)
        assert np.allclose(codebook.subcodebooks(label), expected, rtol=1e-6)
        assert np.array_equal(codebook.block(label), codebook.subcodebooks(label))
        for j, word in enumerate(codebook.subcodebooks(label)):
            assert (encode_residual(word.reshape(-1), codebook.subcodebooks(label)) <= j).all()


def test_files_hold_int8(tmp_path: Path) -> None:
    codebook = int8_codebook()
    (tmp_path / "whole").write_bytes(codebook_to_bytes(codebook))
    (tmp_path / "c").write_bytes(codewords_to_bytes(codebook))
    for read in (codebook_from_bytes(codebook_to_bytes(codebook)), map_codebook(tmp_path / "whole")):
        assert read.words.dtype == np.int8
        assert np.array_equal(read.words, codebook.words)
        assert np.array_equal(read.scales, codebook.scales)
    assert np.array_equal(map_codewords(tmp_path / "c").scales, codebook.scales)
    (tmp_path / "r").write_bytes(words_file(codebook, 2)[:])
    assert np.array_equal(map_words(tmp_path / "r", (4, 2, 3)), codebook.words[2:])


@pytest.mark.parametrize("shape", [(0, 0), (3, 1), (2, 2), (6,)])
def test_int8_without_its_scales_is_refused(shape: tuple[int, ...]) -> None:
    codebook = int8_codebook()
    with pytest.raises(InvalidInputError, match=r"^expected scales \(3, 2\), got "):
        Codebook(
            codebook.codewords, codebook.words, codebook.offsets, scales=np.ones(shape, dtype=np.float32)
        )


def test_floats_with_scales_are_refused() -> None:
    codebook = int8_codebook()
    words = codebook.words.astype(np.float16)
    with pytest.raises(InvalidInputError, match=r"^expected scales \(0, 0\), got \(3, 2\)$"):
        Codebook(codebook.codewords, words, codebook.offsets, scales=codebook.scales)
    data = codebook_to_bytes(codebook).replace(b'"scales"', b'"others"')
    with pytest.raises(DamagedIndexError):
        codebook_from_bytes(data)
