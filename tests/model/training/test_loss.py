"""Eq. (9): closed forms, a plain loop, finite differences, and the loss of pytorch-metric-learning."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_metric_learning.losses import ContrastiveLoss

from dsc_model.training.loss import EPS, contrastive_loss, pair_distances


def rows(*vectors: list[float]) -> torch.Tensor:
    return torch.tensor(vectors, dtype=torch.float64)


def descriptors(seed: int, count: int = 7, dim: int = 5) -> torch.Tensor:
    values = torch.randn((count, dim), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return values / values.norm(dim=1, keepdim=True)


def first_matches(count: int) -> torch.Tensor:
    return torch.arange(count) == 0


def test_the_loss_of_right_angles_is_known() -> None:
    distances = pair_distances(rows([1, 0], [0, 1], [0, -1], [-1, 0]))
    assert torch.allclose(distances, torch.tensor([math.sqrt(2), math.sqrt(2), 2.0], dtype=torch.float64))
    # ½ · 2 of the match, ½ · (1.5 − √2)² of the first other, 0 of the second, which is beyond the margin
    expected = 1 + 0.5 * (1.5 - math.sqrt(2)) ** 2
    assert float(contrastive_loss(distances, first_matches(3), 1.5)) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 2**31), st.floats(0, 2), st.lists(st.booleans(), min_size=1, max_size=8))
def test_the_loss_is_that_of_a_plain_loop(seed: int, margin: float, matched: list[bool]) -> None:
    given_rows = descriptors(seed, len(matched) + 1)
    query, *others = given_rows.tolist()
    total = 0.0
    for other, match in zip(others, matched, strict=True):
        d = math.sqrt(sum((a - b) ** 2 for a, b in zip(query, other, strict=True)))
        total += 0.5 * d**2 if match else 0.5 * max(0.0, margin - d) ** 2
    found = contrastive_loss(pair_distances(given_rows), torch.tensor(matched), margin)
    assert float(found) == pytest.approx(total, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_gradients_are_finite_differences(seed: int) -> None:
    given_rows = descriptors(seed).requires_grad_()
    matched = first_matches(6)

    def loss(values: torch.Tensor) -> torch.Tensor:
        return contrastive_loss(pair_distances(values), matched, 1.4)

    assert torch.autograd.gradcheck(loss, (given_rows,), eps=1e-6, atol=1e-6)


def test_equal_descriptors_have_a_gradient() -> None:
    given_rows = rows([1, 0], [1, 0], [1, 0]).requires_grad_()
    distances = pair_distances(given_rows)
    contrastive_loss(distances, first_matches(2), 0.85).backward()
    assert distances.tolist() == pytest.approx([EPS, EPS])
    assert torch.isfinite(given_rows.grad).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_is_half_the_squares_of_pytorch_metric_learning(seed: int) -> None:
    """Their loss is max(0, d) and max(0, τ − d) of each pair, without the squares of eq. (9)."""
    given_rows, margin = descriptors(seed).float(), 1.4
    theirs = ContrastiveLoss(pos_margin=0, neg_margin=margin)
    distance = theirs.distance(given_rows[:1], given_rows[1:])[0]
    parts = [theirs.pos_calc(distance[:1], 0), theirs.neg_calc(distance[1:], margin)]
    expected = 0.5 * torch.cat(parts).square().sum()
    found = contrastive_loss(pair_distances(given_rows), first_matches(6), margin)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
