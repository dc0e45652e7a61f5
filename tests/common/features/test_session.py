"""A network on a GPU: the processor's features to 1e-4, and one line where there is none."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from dsc_common.errors import DscError
from dsc_common.features import session
from dsc_common.features.cached_extraction import extract_cached
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.features.hardware import CUDA
from helpers.tiny_model import write_tiny_model


def test_onnx_runtime_without_cuda_is_one_line(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    session._require_cuda.cache_clear()
    with pytest.raises(DscError, match=r"^computing with CUDA needs the package onnxruntime-gpu in place of"):
        Extractor.from_file(tiny_model, hardware=CUDA)


def test_a_gpu_that_is_left_out_is_one_line(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime goes on with the processor where CUDA's libraries are missing."""
    made = onnxruntime.InferenceSession
    monkeypatch.setattr(session, "_require_cuda", lambda: None)
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda model, options, **_: made(model, options, providers=["CPUExecutionProvider"]),
    )
    with pytest.raises(
        DscError, match=r"^expected a GPU for CUDA, got none that ONNX Runtime can use: it needs "
    ):
        Extractor.from_file(tiny_model, hardware=CUDA)


def test_a_gpu_that_fails_is_no_damaged_file(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError("CUDA failure 100: no CUDA-capable device is detected\nmore")

    monkeypatch.setattr(session, "_require_cuda", lambda: None)
    monkeypatch.setattr(onnxruntime, "InferenceSession", fail)
    with pytest.raises(DscError, match=r"^expected a GPU for CUDA, got: CUDA failure 100: no CUDA-capable"):
        Extractor.from_file(tiny_model, hardware=CUDA)


@pytest.mark.gpu
@pytest.mark.skipif("CUDAExecutionProvider" not in onnxruntime.get_available_providers(), reason="no GPU")
def test_the_same_features_to_1e_4(photos: Path, tmp_path: Path) -> None:
    paths = sorted(photos.rglob("*.png"))
    path = write_tiny_model(tmp_path / "tiny.onnx", photos="photos")
    on_cpu, on_gpu = Extractor.from_file(path), Extractor.from_file(path, hardware=CUDA)
    assert on_gpu.batch > 1
    for photo, found in zip(paths, extract_cached(on_gpu, [(p, None) for p in paths], None), strict=True):
        expected = on_cpu.extract(photo)
        assert isinstance(found, Extraction)
        np.testing.assert_allclose(found.feature, expected.feature, atol=1e-4)
        np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-4)
