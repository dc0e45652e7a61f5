"""GeM against the plain loop and its two limits; the descriptor against the formulas."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from dsc_model.backbones.gem import GEM_EPS, GemDescriptor, Standardize, gem, l2_normalize


def random_map(channels: int = 6, height: int = 4, width: int = 5) -> Tensor:
    """(1, C, h, w), a third of it below zero as before a ReLU."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(1, channels, height, width, generator=generator) * 1.5 - 0.5


@pytest.mark.parametrize("p", [1.0, 2.0, 2.918, 3.0, 10.0])
def test_gem_equals_the_plain_loop(p: float) -> None:
    feature_map = random_map()
    expected = []
    for channel in feature_map[0].tolist():
        values = [max(value, GEM_EPS) ** p for row in channel for value in row]
        expected.append((sum(values) / len(values)) ** (1.0 / p))
    torch.testing.assert_close(gem(feature_map, p)[0], torch.tensor(expected), rtol=1e-5, atol=1e-7)


def test_gem_with_p_1_is_the_mean() -> None:
    feature_map = random_map().abs() + 0.01
    torch.testing.assert_close(gem(feature_map, 1.0), feature_map.mean(dim=(2, 3)))


def test_gem_grows_with_p_towards_the_maximum() -> None:
    feature_map = random_map()
    maximum = feature_map.amax(dim=(2, 3))
    pooled = [gem(feature_map, p) for p in (1.0, 2.0, 3.0, 10.0, 80.0)]
    for smaller, larger in itertools.pairwise([*pooled, maximum]):
        assert bool((larger >= smaller - 1e-6).all())
    # At most h * w = 20 values share the maximum's power: max * 20^(-1/p) <= GeM <= max.
    assert bool((pooled[-1] >= maximum * 20 ** (-1 / 80) - 1e-6).all())


def test_gem_of_nothing_positive_is_eps() -> None:
    torch.testing.assert_close(gem(torch.full((1, 2, 3, 3), -1.0)), torch.full((1, 2), GEM_EPS))


def test_l2_normalize_has_length_one_and_keeps_the_direction() -> None:
    unit = l2_normalize(torch.tensor([[3.0, 4.0]]))
    torch.testing.assert_close(unit, torch.tensor([[0.6, 0.8]]))
    assert l2_normalize(torch.zeros(1, 3)).tolist() == [[0.0, 0.0, 0.0]]


def test_a_dark_map_still_gives_a_unit_vector() -> None:
    feature = GemDescriptor()(torch.zeros(1, 1280, 2, 2))
    assert math.isclose(float(feature.norm()), 1.0, rel_tol=1e-5)


def test_whitening_comes_after_normalisation_and_is_normalised_again() -> None:
    generator = torch.Generator().manual_seed(2)
    weight, bias = torch.randn(3, 6, generator=generator), torch.randn(3, generator=generator)
    feature_map = random_map()
    pooled = gem(feature_map, 2.5)[0]
    projected = weight @ (pooled / pooled.norm()) + bias
    with torch.no_grad():
        feature = GemDescriptor(2.5, (weight, bias))(feature_map)
    torch.testing.assert_close(feature[0], projected / projected.norm())


def test_standardize_takes_each_channel_by_itself() -> None:
    image = torch.tensor([0.5, 0.25, 1.0]).view(1, 3, 1, 1)
    standardized = Standardize((0.5, 0.5, 0.0), (1.0, 0.5, 2.0))(image)
    assert standardized.flatten().tolist() == [0.0, -0.5, 0.5]
