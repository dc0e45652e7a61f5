"""The device's packet against plain loops (eqs. 4–6, 11, 12)."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.fusion import encode_sequentially
from dsc_common.codebook.manifest import HeadRule
from dsc_common.codebook.transform import Transform
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.packet.packing import pack, unpack
from dsc_device.encoding import encode
from helpers.examples import random_codebook, top_by_loop


def shape(codebook: Codebook, head_labels: int) -> PacketFormat:
    return PacketFormat(codebook.num_partitions, head_labels, codebook.num_subvectors)


@given(st.integers(0, 2**32), st.integers(1, 4))
def test_each_code_is_that_of_the_residual_in_its_own_partition(seed: int, head_labels: int) -> None:
    rng = np.random.default_rng(seed)
    sizes, num_subvectors, width = rng.integers(0, 9, 6).tolist(), 3, 2
    codebook = random_codebook(rng, sizes, num_subvectors, width)
    feature = rng.integers(-9, 10, 6).astype(np.float32)
    probabilities = rng.permutation(6).astype(np.float32)
    packet = encode(feature, probabilities, codebook, shape(codebook, head_labels))
    assert packet.labels.tolist() == top_by_loop(probabilities.tolist(), head_labels)
    assert packet.codes.shape == (head_labels, num_subvectors)
    assert packet.codes.dtype == np.uint8
    for t, label in enumerate(packet.labels.tolist()):
        words = codebook.words[codebook.offsets[label] : codebook.offsets[label + 1]].astype(np.float64)
        for m in range(num_subvectors):
            part = slice(m * width, (m + 1) * width)
            residual = feature[part].astype(np.float64) - codebook.codewords[label][part]
            distances = [float(((residual - word[m]) ** 2).sum()) for word in words]
            nearest = distances.index(min(distances)) if distances else 0
            assert packet.codes[t, m] == nearest


def test_the_very_word_is_found_in_each_partition() -> None:
    rng = np.random.default_rng(0)
    codebook = random_codebook(rng, [256, 256], 4, 4)
    for label, j in [(0, 0), (0, 255), (1, 128)]:
        feature = codebook.codewords[label] + codebook.subcodebooks(label)[j].reshape(-1)
        probabilities = np.array([1.0 - label, label], dtype=np.float32)
        packet = encode(feature, probabilities, codebook, shape(codebook, 2))
        assert packet.labels.tolist() == [label, 1 - label]
        assert packet.codes[0].tolist() == [j] * 4


def test_a_database_without_images_gets_a_packet_too() -> None:
    codebook = random_codebook(np.random.default_rng(0), [0] * 5, 2, 2)
    packet = encode(np.ones(4, dtype=np.float32), np.ones(5, dtype=np.float32), codebook, shape(codebook, 3))
    assert packet.codes.tolist() == [[0, 0]] * 3


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e4])
def test_any_length_of_feature_is_encoded(scale: float) -> None:
    codebook = random_codebook(np.random.default_rng(0), [5, 5], 2, 2)
    feature = (scale * np.ones(4)).astype(np.float32)
    packet = encode(feature, np.ones(2, dtype=np.float32), codebook, shape(codebook, 2))
    assert (packet.codes < 5).all()


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_by_the_nearest_rule_the_head_is_the_nearest_partitions_first(seed: int, head_labels: int) -> None:
    rng = np.random.default_rng(seed)
    codebook = random_codebook(rng, [2] * 6, 3, 2)
    q = rng.integers(-9, 10, 6).astype(np.float32)
    fmt = shape(codebook, head_labels)
    packet = encode(q, np.zeros(0, dtype=np.float32), codebook, fmt, HeadRule.NEAREST)
    distances = [
        sum((float(a) - float(b)) ** 2 for a, b in zip(q, c, strict=True)) for c in codebook.codewords
    ]
    assert packet.labels.tolist() == sorted(range(6), key=lambda i: distances[i])[:head_labels]
    expected = encode(q, -np.array(distances, dtype=np.float32), codebook, fmt)
    assert packet.codes.tolist() == expected.codes.tolist()


@given(st.integers(0, 2**32))
def test_sequential_codes_are_those_of_the_fusion(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codebook = random_codebook(rng, [5, 0, 7, 3], 2, 2)
    q, probabilities = rng.standard_normal(4).astype(np.float32), rng.random(4).astype(np.float32)
    packet = encode(q, probabilities, codebook, shape(codebook, 3), sequential=True)
    head = top_by_loop(probabilities.tolist(), 3)
    assert packet.labels.tolist() == head
    assert packet.codes.tolist() == encode_sequentially(q, codebook, head).tolist()


def test_one_code_describes_the_transformed_feature() -> None:
    rng = np.random.default_rng(0)
    transform = Transform(
        rng.standard_normal(5).astype(np.float32), rng.standard_normal((5, 6)).astype(np.float32)
    )
    codebook = replace(random_codebook(rng, [9], 3, 2), transform=transform)
    codebook.words[:] = 0.5 * rng.standard_normal(codebook.words.shape)
    fmt = PacketFormat(8, 4, 3, payload=Payload.CODE)
    for q in rng.standard_normal((20, 5)).astype(np.float32):
        packet = encode(q, np.arange(8, dtype=np.float32), codebook, fmt)
        assert packet.labels.tolist() == [7, 6, 5, 4]
        z = (q.astype(np.float64) - transform.mean) @ transform.projection
        z = z / np.linalg.norm(z) - codebook.codewords[0]
        words = codebook.words.astype(np.float64)
        nearest = [int(((words[:, m] - z[2 * m : 2 * m + 2]) ** 2).sum(axis=1).argmin()) for m in range(3)]
        assert packet.codes.tolist() == [nearest]


@pytest.mark.parametrize("head_rule", HeadRule)
def test_a_feature_is_sent_as_it_is(head_rule: HeadRule) -> None:
    codebook = random_codebook(np.random.default_rng(0), [0, 0, 0], 1, 4)
    q = np.array([0.1, -0.2, 0.3, 0.0], dtype=np.float32)
    fmt = PacketFormat(3, 2, payload=Payload.FEATURE, payload_dim=4)
    packet = encode(q, np.array([0.1, 0.5, 0.4], dtype=np.float32), codebook, fmt, head_rule)
    assert packet.feature.tobytes() == q.tobytes()
    assert unpack(pack(packet, fmt), fmt).feature.tobytes() == q.tobytes()
    if head_rule is HeadRule.LABELS:
        assert packet.labels.tolist() == [1, 2]
