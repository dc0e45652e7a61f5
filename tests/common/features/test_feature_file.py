"""Feature files: round trips, other writers of the format, .npz, and one line for what is wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from dsc_common.errors import InvalidInputError
from dsc_common.features.feature_file import FeatureFile, read_features, write_features
from dsc_common.features.feature_table import FeatureTable

K = 7


def table(count: int = 5, dim: int = 4, seed: int = 0, dtype: Any = np.float32) -> FeatureTable:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((count, dim)).astype(dtype)
    p = rng.dirichlet(np.ones(K), size=count).astype(np.float32)
    labels = np.argsort(-p, axis=1)[:, :3]
    names = [f"photo {number}\n{seed}é" for number in range(count)]
    return FeatureTable(names, features, labels, np.take_along_axis(p, labels, axis=1), K)


def arrays(**changed: NDArray[Any] | None) -> dict[str, NDArray[Any]]:
    """Arrays of a good file of three rows, with some of them changed or left out."""
    good = {
        "features": np.eye(3, 4, dtype=np.float32),
        "labels": np.array([[0, 1], [1, 2], [4, 0]]),
        "probabilities": np.array([[0.5, 0.25]] * 3, dtype=np.float32),
        "names": np.frombuffer(b"a\0b\0c\0", dtype=np.uint8),
        "num_labels": np.array([5]),
    }
    return {key: value for key, value in (good | changed).items() if value is not None}


def same(one: FeatureTable, other: FeatureTable) -> bool:
    pairs = (
        (one.features, other.features),
        (one.labels, other.labels),
        (one.probabilities, other.probabilities),
    )
    equal = all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)
    return equal and list(one.names) == list(other.names) and one.num_labels == other.num_labels


@given(st.integers(1, 40), st.integers(1, 9), st.sampled_from([np.float32, np.float16]), st.booleans())
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, count: int, dim: int, dtype: Any, asked: bool
) -> None:
    path = tmp_path_factory.mktemp("features") / "f.safetensors"
    content = FeatureFile(table(count, dim, 0, dtype), table(3, dim, 1, dtype) if asked else None)
    write_features(path, content)
    found = read_features(path)
    assert same(found.database, content.database)
    assert (found.queries is None) == (content.queries is None)
    if found.queries is not None and content.queries is not None:
        assert same(found.queries, content.queries)
    assert isinstance(found.database.features, np.memmap)


def test_the_library_of_the_format_reads_the_file_and_writes_one(tmp_path: Path) -> None:
    content = FeatureFile(table(), table(2, seed=1))
    write_features(tmp_path / "ours", content)
    theirs = load_file(tmp_path / "ours")
    np.testing.assert_array_equal(theirs["features"], content.database.features)
    assert theirs["query_names"].tobytes().decode().split("\0")[:-1] == list(content.queries.names)  # type: ignore[union-attr]
    save_file(theirs, tmp_path / "theirs", metadata={"made": "elsewhere"})
    assert same(read_features(tmp_path / "theirs").database, content.database)


def test_npz_is_read_with_names_as_text(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", **arrays(names=np.array(["a", "b", "ü"])))  # type: ignore[arg-type]
    found = read_features(tmp_path / "f.npz").database
    assert list(found.names) == ["a", "b", "ü"]
    assert found.labels.tolist() == [[0, 1], [1, 2], [4, 0]]


def test_p_itself_in_place_of_labels(tmp_path: Path) -> None:
    p = np.array([[0.1, 0.2, 0.7], [0.4, 0.4, 0.2], [0, 1, 0]], dtype=np.float32)
    save_file(arrays(labels=None, num_labels=None, probabilities=p), tmp_path / "f")
    found = read_features(tmp_path / "f").database
    assert found.labels.tolist() == [[2, 1, 0], [0, 1, 2], [1, 0, 2]]
    assert found.num_labels == 3
    np.testing.assert_array_equal(found.extraction(0).probabilities, p[0])


def test_features_alone_have_one_label(tmp_path: Path) -> None:
    save_file(arrays(labels=None, num_labels=None, probabilities=None), tmp_path / "f")
    found = read_features(tmp_path / "f").database
    assert (found.labels.tolist(), found.num_labels) == ([[0]] * 3, 1)


def test_rows_are_scaled_to_unit_length_and_stay_where_they_have_it() -> None:
    rows = np.array([[3, 4], [0.6, 0.8], [1e-4, 0]], dtype=np.float32)
    held = FeatureTable(["a", "b", "c"], rows, np.zeros((3, 1), np.int64), np.ones((3, 1), np.float32), 1)
    np.testing.assert_allclose(held.extraction(0).feature, [0.6, 0.8], rtol=1e-6)
    assert held.extraction(1).feature.tobytes() == rows[1].tobytes()
    np.testing.assert_allclose(held.extraction(2).feature, [1, 0])


NAN = np.eye(3, 4, dtype=np.float32)
NAN[1, 2] = np.nan
EMPTY_ROW = np.eye(3, 4, dtype=np.float32)
EMPTY_ROW[2] = 0
WRONG = {
    "nan": ({"features": NAN}, r"row 1 \(b\): expected a finite feature with a length, got NaN or infinity"),
    "zero": (
        {"features": EMPTY_ROW},
        r"row 2 \(c\): expected a finite feature with a length, got zero length",
    ),
    "1D": ({"features": np.ones(3, dtype=np.float32)}, r"expected features \(N, F\) in float32 or float16"),
    "integers": ({"features": np.ones((3, 4), dtype=np.int32)}, r"expected features \(N, F\) .* got int32"),
    "no rows": ({"features": np.zeros((0, 4), dtype=np.float32)}, r"expected features of shape \(N, F\)"),
    "names": ({"names": np.frombuffer(b"a\0b\0", np.uint8)}, "expected as many names as features, 3, got 2"),
    "cut name": ({"names": np.frombuffer(b"a\0b\0c", np.uint8)}, "expected a zero byte after each name"),
    "bytes": ({"names": np.frombuffer(b"a\0b\0\xff\0", np.uint8)}, "expected names in UTF-8"),
    "twice": ({"names": np.frombuffer(b"a\0b\0a\0", np.uint8)}, "row 2: two rows are called a"),
    "no name": ({"names": np.frombuffer(b"a\0\0c\0", np.uint8)}, "row 1: expected a name, got none"),
    "no names": ({"names": None}, "expected an array 'names'"),
    "label": ({"labels": np.array([[0, 1], [1, 5], [4, 0]])}, r"row 1 \(b\): expected labels from 0 to 4"),
    "negative": ({"labels": np.array([[0, 1], [1, -1], [4, 0]])}, r"row 1 \(b\): expected labels from 0"),
    "repeated": ({"labels": np.array([[0, 1], [1, 2], [4, 4]])}, r"row 2 \(c\): expected different labels"),
    "fewer": ({"labels": np.array([[0, 1]])}, r"expected labels of shape \(3, A\), got \(1, 2\)"),
    "widths": (
        {"labels": np.array([[0], [1], [2]])},
        r"expected probabilities of shape \(3, 1\), got \(3, 2\)",
    ),
    "floats": ({"labels": np.zeros((3, 2), np.float32)}, "expected labels as 2D integers, got float32"),
    "p": ({"probabilities": np.full((3, 2), 0.7, np.float32)}, "expected probabilities from 0 with a sum up"),
    "p nan": ({"probabilities": np.full((3, 2), np.nan, np.float32)}, "expected probabilities from 0"),
    "order": (
        {"probabilities": np.array([[0.1, 0.2]] * 3, np.float32)},
        "expected the most likely label first",
    ),
    "no p": ({"probabilities": None}, "expected probabilities of the labels, got none"),
    "K": ({"num_labels": np.array([1 << 40])}, r"expected K \(labels\) from 1 to 65536"),
    "Ks": ({"num_labels": np.array([1, 2])}, "expected one integer as num_labels"),
    "unknown": ({"feature": np.ones((3, 4), np.float32)}, "unknown array 'feature'; expected "),
    "F": (
        {"query_features": np.ones((1, 3), np.float32), "query_names": np.frombuffer(b"q\0", np.uint8)},
        "expected queries of F = 4, got 3",
    ),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("ending", ["safetensors", "npz"])
def test_what_is_wrong_is_one_line(tmp_path: Path, case: str, ending: str) -> None:
    changed, line = WRONG[case]
    path = tmp_path / f"f.{ending}"
    if ending == "npz":
        np.savez(path, **arrays(**changed))  # type: ignore[arg-type]
    else:
        save_file(arrays(**changed), path)
    with pytest.raises(InvalidInputError, match=line) as caught:
        read_features(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
@pytest.mark.parametrize("left", [0, 5, 100, 0.5, 0.99])
def test_a_cut_file_is_one_line(tmp_path: Path, ending: str, left: float) -> None:
    path = tmp_path / f"f.{ending}"
    if ending == "npz":
        np.savez(path, **arrays())  # type: ignore[arg-type]
    else:
        save_file(arrays(), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(left if left >= 1 or not left else left * len(data))])
    with pytest.raises(InvalidInputError) as caught:
        read_features(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pickles_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", **arrays(names=np.array(["a", "b", None], dtype=object)))  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="is no file of plain arrays"):
        read_features(tmp_path / "f.npz")


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_no_file_is_one_line(tmp_path: Path, what: str) -> None:
    path = tmp_path if what == "folder" else tmp_path / "none.safetensors"
    with pytest.raises(InvalidInputError, match=f"{path}"):
        read_features(path)
