"""A database in this process gives what the core gives, and refuses what does not fit in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import deep_semantic_coding as dsc
from dsc_common.packet.format import PacketFormat
from dsc_common.vectors import normalised
from dsc_server.building.indexing import build_index
from dsc_server.scheme_specs import SCHEMES, parse_scheme

UNSUPERVISED = ("duc-ivf-pq", "duc-ivf-raw", "duc-imi-pq", "duc-imi-raw", "duc-gp-raw")


def arrays(count: int = 60, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, 24)), rng.dirichlet(np.full(12, 0.3), size=count)


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_finds_an_image_by_itself(name: str) -> None:
    features, probabilities = arrays()
    database = dsc.Database.from_arrays(
        features, probabilities, scheme=name + ("+K=9" if name in UNSUPERVISED else "")
    )
    packet = database.encode(features[5], probabilities[5])
    mode = {"analog-pca": "analog-pca", "hybrid": "hybrid"}.get(name, "bpsk")
    results = database.retrieve(dsc.transmit(packet, snr_db=np.inf, mode=mode), top=60)
    best = [image.image_id for image in results.images if image.score >= results.images[0].score - 1e-6]
    assert "5" in best
    assert results.num_candidates == len(results.images)


def test_it_is_the_index_that_a_build_makes_of_unit_features() -> None:
    features, probabilities = arrays()
    database = dsc.Database.from_arrays(features, probabilities, scheme="dsc-pq", seed=3)
    unit = normalised(features.astype(np.float32))
    labels = np.argsort(-probabilities.astype(np.float32), axis=1, kind="stable")[:, :10]
    expected = build_index(unit, labels, PacketFormat(12, 5), parse_scheme("dsc-pq"), seed=3)
    assert database.index.images.tolist() == expected.images.tolist()
    assert database.index.codes.tolist() == expected.codes.tolist()


def test_lengths_of_features_do_not_matter() -> None:
    features, probabilities = arrays()
    lengths = 2.0 ** np.random.default_rng(1).integers(-9, 9, (60, 1))  # exact in any precision
    one, other = (dsc.Database.from_arrays(f, probabilities) for f in (features, lengths * features))
    assert one.encode(features[3], probabilities[3]) == other.encode(8 * features[3], probabilities[3])


@pytest.mark.parametrize("length", [2.0**-140, 2.0**-80, 2.0**80, 2.0**120])
def test_features_may_be_very_long_and_very_short(length: float) -> None:
    features, probabilities = arrays()
    features = np.round(64 * features) / 64  # exact in any precision
    one, other = (dsc.Database.from_arrays(f, probabilities) for f in (features, length * features))
    assert one.index.codes.tolist() == other.index.codes.tolist()


def test_complex_numbers_are_refused() -> None:
    features, probabilities = arrays()
    with pytest.raises(dsc.InvalidInputError, match=r"expected features \(N, F\) of numbers, got ndarray"):
        dsc.Database.from_arrays(features * 1j, probabilities)


def test_photos_that_cannot_be_read_stop_it_or_are_left_out_and_features_are_kept(
    photos: Path, tiny_model: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("no photo")
    options: dict[str, Any] = {"model": tiny_model, "scheme": "dsc-pq", "feature_store": tmp_path / "kept"}
    with pytest.raises(dsc.InvalidImageError, match=r"bad\.jpg \(skip_unreadable=True leaves it out\)$"):
        dsc.Database.from_photos([photos, bad], **options)
    said: list[str] = []
    for number in range(2):
        dsc.Database.from_photos([photos, bad], skip_unreadable=True, say=said.append, **options)
        assert sum(line.startswith("left out: ") for line in said) == number + 1
    assert [line for line in said if line.startswith("features: ")] == [
        "features: 0 kept, 12 extracted",
        "features: 12 kept, 0 extracted",
    ]


def test_photos_and_a_folder_that_is_opened_again(photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    built = dsc.Database.from_photos(photos, folder=tmp_path / "index", model=tiny_model, scheme="dsc-pq")
    opened = dsc.Database.open(tmp_path / "index")
    unkept = dsc.Database.from_photos([photos], model=tiny_model, scheme="dsc-pq")
    photo = next(photos.rglob("*.png"))
    answers = []
    for database in (built, opened, unkept):
        packet = database.encode(photo)
        assert database.encode(database.extract(photo)) == packet
        results = database.retrieve(dsc.transmit(packet, snr_db=3, seed=1))
        answers.append([(image.image_id, image.score) for image in results.images])
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]


def test_fewer_candidates_are_read_within_limits() -> None:
    features, probabilities = arrays()
    database = dsc.Database.from_arrays(features, probabilities, head_labels=2)
    bounded = database.with_limits(dsc.SearchLimits(max_candidates=1))
    signal = dsc.transmit(database.encode(features[0], probabilities[0]), snr_db=20)
    assert bounded.retrieve(signal).num_candidates < database.retrieve(signal).num_candidates


GOOD = arrays(6)
BAD: dict[str, tuple[Any, Any, str]] = {
    "NaN": (np.full((6, 4), np.nan), GOOD[1], "expected finite numbers in features, got NaN or infinity"),
    "no length": (np.zeros((6, 4)), GOOD[1], "expected features of a length above 0, got a row of zeros"),
    "no image": (np.zeros((0, 4)), GOOD[1], r"expected features of shape \(N, F\), got \(0, 4\)"),
    "a vector": (np.ones(4), GOOD[1], r"expected features of shape \(N, F\), got \(4,\)"),
    "text": ([["a"]], GOOD[1], r"expected features \(N, F\) of numbers, got list"),
    "rows that differ": (GOOD[0], GOOD[1][:5], "expected probabilities of 6 images, got 5"),
    "negative": (GOOD[0], -GOOD[1], "expected probabilities from 0, got -"),
    "few labels": (GOOD[0], np.ones((6, 3)), "expected T"),
}


@pytest.mark.parametrize("name", BAD)
def test_arrays_that_do_not_fit_are_refused_in_one_line(name: str) -> None:
    features, probabilities, line = BAD[name]
    with pytest.raises(dsc.InvalidInputError, match=f"^{line}[^\n]*$"):
        dsc.Database.from_arrays(features, probabilities)


def test_ids_of_another_number_are_refused() -> None:
    with pytest.raises(dsc.InvalidInputError, match=r"^expected ids of 6 images, got 2$"):
        dsc.Database.from_arrays(*GOOD, ids=["a", "b"])


def test_queries_that_do_not_fit_are_refused_in_one_line() -> None:
    features, probabilities = arrays()
    database = dsc.Database.from_arrays(features, probabilities)
    for query, of_query, line in (
        ("photo.jpg", None, "expected a feature and probabilities, got a photo"),
        (features[0], None, "expected probabilities"),
        (features[0][:5], probabilities[0], "expected a feature of 24 numbers"),
        (features[0], probabilities[0][:3], "expected probabilities of 12 numbers"),
        (
            np.full(24, np.inf),
            probabilities[0],
            "expected finite numbers in a feature",
        ),
    ):
        with pytest.raises(dsc.InvalidInputError, match=f"^({line})[^\n]*$"):
            database.encode(query, of_query)


def test_choices_of_the_link_are_checked_in_one_line() -> None:
    features, probabilities = arrays()
    packet = dsc.Database.from_arrays(features, probabilities).encode(features[0], probabilities[0])
    wrong: dict[str, Any] = {"snr": 3, "snr_db": "loud", "mode": "am", "seed": 1.5, "uses": -1}
    for name, value in wrong.items():
        with pytest.raises(dsc.InvalidInputError, match=r"^expected [^\n]*$"):
            dsc.transmit(packet, **{name: value})


def test_noise_is_keyed_on_seed_request_and_attempt() -> None:
    features, probabilities = arrays()
    packet = dsc.Database.from_arrays(features, probabilities).encode(features[0], probabilities[0])
    first = dsc.transmit(packet, snr_db=0)
    assert np.array_equal(dsc.transmit(packet, dsc.LinkSettings(snr_db=0)).samples, first.samples)
    for other in ({"seed": 1}, {"request_id": "x"}, {"attempt": 1}):
        assert not np.array_equal(dsc.transmit(packet, snr_db=0, **other).samples, first.samples)
