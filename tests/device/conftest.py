"""An encoder kit of a tiny model and a random codebook."""

from pathlib import Path

import numpy as np
import pytest

from dsc_common.codebook.manifest import Manifest
from dsc_common.features.extractor import Extractor
from dsc_common.packet.format import PacketFormat
from dsc_device.encoder_kit import EncoderKit
from helpers.examples import random_codebook


@pytest.fixture(scope="session")
def kit(tiny_model: Path) -> EncoderKit:
    """K = 32 labels, T = 5, M = 4 sub-vectors, F = 16."""
    codebook = random_codebook(np.random.default_rng(0), [3, 0] * 16, 4, 4)
    fmt = PacketFormat(num_partitions=32, num_subvectors=4)
    return EncoderKit(
        Manifest("a version", "dsc-pq", fmt, 16, 48, {}), codebook, Extractor.from_file(tiny_model)
    )
