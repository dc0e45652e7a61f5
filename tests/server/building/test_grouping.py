"""Grouping and pruning against a plain implementation of its formulas, cell by cell, image by image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.features.extraction import Extraction
from dsc_common.packet.format import PacketFormat
from dsc_device.encoding import encode
from dsc_server.building.cells import nearest_cells
from dsc_server.building.grouping import group, learn_alpha
from dsc_server.building.indexing import build_index
from dsc_server.building.partitioning import group_by_label
from dsc_server.index.subcells import SubCells, keep_near_subcells
from dsc_server.scheme_specs import parse_scheme
from helpers.at_its_word import rank_candidates

Vector = NDArray[np.float64]


def dot(left: Vector, right: Vector) -> float:
    return sum(float(a) * float(b) for a, b in zip(left, right, strict=True))


def alpha_by_loops(images: list[Vector], c: Vector, neighbours: list[Vector]) -> float:
    """Σ numerators / Σ denominators, each image with the neighbour whose ray comes closest to it."""
    numerators = denominators = 0.0
    for x in images:
        best = None
        for n in neighbours:
            numerator, denominator = max(dot(x - c, n - c), 0.0), dot(n - c, n - c)
            own = numerator / denominator if denominator > 0 else 0.0
            rest = x - c - own * (n - c)
            if best is None or dot(rest, rest) < best[0]:
                best = (dot(rest, rest), numerator, denominator)
        if best is not None:
            numerators += best[1]
            denominators += best[2]
    return numerators / denominators if denominators > 0 else 0.0


def lists(
    features: NDArray[np.float32], codewords: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return group_by_label(nearest_cells(features, codewords, 1), len(codewords))


def example(seed: int, num_images: int = 40, num_cells: int = 6) -> tuple[NDArray[np.float32], ...]:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((num_images, 4)).astype(np.float32)
    codewords = rng.standard_normal((num_cells, 4)).astype(np.float32)
    return features, codewords


def check_by_loops(
    features: NDArray[np.float32],
    codewords: NDArray[np.float32],
    images: NDArray[np.int64],
    offsets: NDArray[np.int64],
    found: SubCells,
) -> None:
    x, c = features.astype(np.float64), codewords.astype(np.float64)
    for cell in range(len(c)):
        members = images[offsets[cell] : offsets[cell + 1]].tolist()
        near = found.neighbours[cell].tolist()
        expected = alpha_by_loops([x[i] for i in members], c[cell], [c[n] for n in near])
        assert found.alphas[cell] == pytest.approx(expected, rel=1e-4, abs=1e-6)
        alpha = float(found.alphas[cell])
        for place, i in enumerate(members):
            distances = []
            for n in near:
                centre = c[cell] + alpha * (c[n] - c[cell])
                distances.append(dot(x[i] - centre, x[i] - centre))
            own = found.members[offsets[cell] + place]
            assert distances[own] == pytest.approx(min(distances), rel=1e-4, abs=1e-6)


@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(2, 9), st.integers(1, 12))
def test_alphas_and_members_are_those_of_plain_loops(
    seed: int, num_images: int, num_cells: int, num_subcells: int
) -> None:
    features, codewords = example(seed, num_images, num_cells)
    images, offsets = lists(features, codewords)
    found = group(features, codewords, images, offsets, num_subcells)
    wanted = min(num_subcells, num_cells - 1)
    assert found.neighbours.shape == (num_cells, wanted)
    assert found.members.shape == (num_images,)
    c = codewords.astype(np.float64)
    for cell in range(num_cells):
        others = [other for other in range(num_cells) if other != cell]
        others.sort(key=lambda other: dot(c[other] - c[cell], c[other] - c[cell]))
        assert found.neighbours[cell].tolist() == others[:wanted]
        if offsets[cell] == offsets[cell + 1]:
            assert found.alphas[cell] == 0
    check_by_loops(features, codewords, images, offsets, found)


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_pruning_is_at_the_mean_of_the_probed_subcells_with_images(seed: int, probed: int) -> None:
    features, codewords = example(seed)
    images, offsets = lists(features, codewords)
    subcells = group(features, codewords, images, offsets, 3)
    q = np.random.default_rng(seed + 1).standard_normal(4).astype(np.float32)
    filled = [cell for cell in range(6) if offsets[cell] < offsets[cell + 1]][:probed]
    masks = keep_near_subcells(q, codewords, subcells, filled, offsets)
    c = codewords.astype(np.float64)
    distances = {}
    for cell in filled:
        for s, n in enumerate(subcells.neighbours[cell].tolist()):
            centre = c[cell] + float(subcells.alphas[cell]) * (c[n] - c[cell])
            distances[cell, s] = dot(q - centre, q - centre)
    with_images = {
        (cell, s) for cell in filled for s in subcells.members[offsets[cell] : offsets[cell + 1]].tolist()
    }
    mean = sum(distances[place] for place in with_images) / len(with_images)
    assert len(masks) == len(filled)
    for cell, mask in zip(filled, masks, strict=True):
        own = subcells.members[offsets[cell] : offsets[cell + 1]]
        for kept, s in zip(mask.tolist(), own.tolist(), strict=True):
            if distances[cell, s] != pytest.approx(mean, rel=1e-4):  # equals are a case of their own, below
                assert kept == (distances[cell, s] < mean)


def test_empty_subcells_do_not_move_the_mean() -> None:
    # One cell at 0 with α = 1: its sub-cells lie at 1, 2 and 9, and only the last two hold an image.
    codewords = np.array([[0.0], [1.0], [2.0], [9.0]], dtype=np.float32)
    subcells = SubCells(np.ones(4, np.float32), np.array([[1, 2, 3]] * 4), np.array([1, 2]))
    offsets = np.array([0, 2, 2, 2, 2])
    # From q = 6 the squared distances are 25, 16 and 9; their mean is 12.5 of the two, 16.7 of all.
    [mask] = keep_near_subcells(np.array([6.0], dtype=np.float32), codewords, subcells, [0], offsets)
    assert mask.tolist() == [False, True]
    # Three images in the farther of the two change nothing: sub-cells count once each.
    crowded = SubCells(subcells.alphas, subcells.neighbours, np.array([1, 1, 1, 2]))
    [mask] = keep_near_subcells(
        np.array([6.0], np.float32), codewords, crowded, [0], np.array([0, 4, 4, 4, 4])
    )
    assert mask.tolist() == [False, False, False, True]


@given(st.integers(0, 2**32), st.integers(1, 9))
def test_subcells_that_lie_equally_far_all_stay(seed: int, num_subcells: int) -> None:
    # α = 0 puts every sub-cell on its cell's own codeword.
    codewords = np.random.default_rng(seed).standard_normal((2, 5)).astype(np.float32)
    neighbours = np.ones((2, num_subcells), dtype=np.int64)
    subcells = SubCells(np.zeros(2, np.float32), neighbours, np.arange(num_subcells))
    offsets = np.array([0, num_subcells, num_subcells])
    [mask] = keep_near_subcells(codewords[1], codewords, subcells, [0], offsets)
    assert mask.all()


def test_alpha_is_one_where_images_sit_on_the_neighbours_centroids() -> None:
    codewords = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
    images, offsets = np.arange(1, 7), np.array([0, 6, 6, 6, 6, 6, 6, 6])
    found = group(codewords, codewords, images, offsets)
    assert found.alphas[0] == pytest.approx(1, abs=1e-6)
    assert [found.neighbours[0][s] for s in found.members.tolist()] == list(range(1, 7))
    assert found.alphas[1:].tolist() == [0] * 6  # their lists are empty


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.5])
def test_alpha_is_the_share_of_the_way(alpha: float) -> None:
    directions = np.eye(4, dtype=np.float32)[:3] * np.array([[2.0], [3.0], [5.0]], dtype=np.float32)
    assert learn_alpha(np.float32(alpha) * directions, directions) == pytest.approx(alpha, abs=1e-6)


def test_images_behind_the_centroid_do_not_turn_the_neighbours_round() -> None:
    directions = np.array([[1.0, 0.0]], dtype=np.float32)
    assert learn_alpha(np.array([[-3.0, 0.0]], dtype=np.float32), directions) == 0
    assert learn_alpha(np.array([[-3.0, 0.0], [1.0, 0.0]], dtype=np.float32), directions) == 0.5


def test_centroids_that_coincide_are_no_trouble() -> None:
    codewords = np.zeros((4, 2), dtype=np.float32)
    features = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    images, offsets = lists(features, codewords)
    found = group(features, codewords, images, offsets)
    assert found.alphas.tolist() == [0.0] * 4
    assert all(cell not in row for cell, row in enumerate(found.neighbours.tolist()))


def test_a_single_cell_stays_whole() -> None:
    features, codewords = example(0, num_cells=1)
    images, offsets = lists(features, codewords)
    found = group(features, codewords, images, offsets)
    assert found.neighbours.shape == (1, 0)
    [mask] = keep_near_subcells(features[0], codewords, found, [0], offsets)
    assert mask.tolist() == [True] * 40


def test_nothing_probed_nothing_kept() -> None:
    features, codewords = example(0)
    images, offsets = lists(features, codewords)
    assert (
        keep_near_subcells(features[0], codewords, group(features, codewords, images, offsets), [], offsets)
        == []
    )


@pytest.mark.parametrize("head_labels", [1, 3, 9])
def test_the_scheme_ranks_what_is_left_by_the_inner_product(head_labels: int) -> None:
    rng = np.random.default_rng(4)
    database = rng.standard_normal((150, 6))
    database = (database / np.linalg.norm(database, axis=1, keepdims=True)).astype(np.float32)
    spec = parse_scheme("duc-gp-raw+K=9")
    index = build_index(database, np.zeros(150, dtype=np.int64), PacketFormat(9, head_labels), spec)
    codewords, subcells = index.codebook.codewords, index.subcells
    assert subcells is not None
    check_by_loops(database, codewords, index.images, index.offsets, subcells)
    kept = 0
    for q in database[:10] + np.float32(0.1):
        unit = (q / np.linalg.norm(q)).astype(np.float32)
        query = Extraction(unit, np.zeros(0, dtype=np.float32))
        packet = encode(query.feature, query.probabilities, index.codebook, index.format, spec.head_rule)
        cells = [cell for cell in packet.labels.tolist() if index.offsets[cell] < index.offsets[cell + 1]]
        masks = keep_near_subcells(unit, codewords, subcells, cells, index.offsets)
        left = np.concatenate(
            [index.images[index.entries(cell)][mask] for cell, mask in zip(cells, masks, strict=True)]
        )
        ranked = rank_candidates(index, packet, spec.ranking)
        scores = {image: dot(database[image], unit) for image in left.tolist()}
        assert ranked.images.tolist() == sorted(scores, key=lambda image: -scores[image])
        kept += len(left)
    if head_labels == 9:
        assert 0 < kept < 10 * 150  # something is pruned, and something is left
