"""A tiny network in the shape of a backbone, with the parts that training changes; and photos of groups."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from dsc_model.backbones.gem import GemDescriptor, Standardize
from dsc_model.backbones.network import PhotoNetwork
from dsc_model.training.settings import TrainingSettings
from dsc_model.training.sources.reading import read_data
from dsc_model.training.splitting import split
from dsc_model.training.training import Training

CHANNELS, CLASSES = 16, 10


def tiny_photo_network(seed: int = 0, channels: int = CHANNELS) -> PhotoNetwork:
    """Two convolutions with batch normalisation, GeM with p = 3, a classifier of 10 classes."""
    torch.manual_seed(seed)
    trunk = nn.Sequential(
        Standardize((0.5,) * 3, (0.5,) * 3),
        nn.Conv2d(3, channels, 5, stride=4, padding=2, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, stride=2, padding=1),
        nn.ReLU(),
    )
    return PhotoNetwork(trunk, GemDescriptor(), nn.Linear(channels, CLASSES)).eval()


def write_groups(folder: Path, groups: int, photos: int, seed: int = 0, side: int = 48) -> Path:
    """A folder of groups; photos of a group have the same coarse pattern under noise."""
    rng = np.random.default_rng(seed)
    for group in range(groups):
        (folder / f"group{group:02}").mkdir(parents=True)
        pattern = rng.integers(0, 256, (4, 4, 3))
        for number in range(photos):
            noisy = np.clip(pattern + rng.normal(0, 25, pattern.shape), 0, 255).astype(np.uint8)
            picture = Image.fromarray(noisy).resize((side, side - 8 * (number % 2)), Image.Resampling.NEAREST)
            picture.save(folder / f"group{group:02}" / f"{number}.png")
    return folder


def unit_rows(rng: np.random.Generator, count: int, dim: int) -> np.ndarray:
    """(count, dim) float32 of length one."""
    rows = rng.standard_normal((count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def photo(side: int = 64, seed: int = 0) -> Tensor:
    """(1, 3, side, side) in [0, 1]."""
    return torch.rand((1, 3, side, side), generator=torch.Generator().manual_seed(seed))


def tiny_training(folder: Path, settings: TrainingSettings) -> Training:
    """A training of the tiny network on 7 groups of 3 photos below `folder`, a third of them held out."""
    data, validation = split(read_data(write_groups(folder, 7, 3)), 0.3, 0)
    return Training("tiny", tiny_photo_network(), data, validation, settings)
