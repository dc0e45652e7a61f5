"""Training on a GPU: the processor's losses, with and without mixed precision. `make test-gpu` runs it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dsc_common.features.hardware import CUDA
from dsc_model.training.settings import TrainingSettings
from dsc_model.training.training import LOG, Training, train
from helpers.tiny_torch import tiny_training

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]
SETTINGS = TrainingSettings(
    epochs=3, longest_side=48, rate=1e-3, queries=12, pool=12, batch=3, negatives=2, checkpoint=4
)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Training:
    return tiny_training(tmp_path_factory.mktemp("photos") / "a", SETTINGS)


def losses(job: Training, folder: Path) -> list[float]:
    """Losses of the epochs of a training."""
    train(job, folder)
    lines = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    return [line["loss"] for line in lines if line["loss"] is not None]


@pytest.mark.parametrize(("mixed", "tolerance"), [(False, 0.005), (True, 0.05)])
def test_the_losses_of_the_processor(job: Training, tmp_path: Path, mixed: bool, tolerance: float) -> None:
    on_cpu = losses(job, tmp_path / "cpu")
    on_gpu = losses(replace(job, device=CUDA, settings=replace(SETTINGS, mixed=mixed)), tmp_path / "gpu")
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=tolerance)
