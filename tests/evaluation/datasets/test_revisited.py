"""The revisited protocol: its three readings, its pickle, and pickles that are something else."""

import io
import os
import pickle
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dsc_common.benchmark.ground_truth import Benchmark
from dsc_common.benchmark.plain_pickle import NumberArray, read_plain_pickle
from dsc_common.errors import InvalidInputError
from dsc_eval.datasets.registry import read_benchmark


def ground_truth() -> dict[str, Any]:
    first = {"bbx": [1.5, 2.0, 30.0, 40.0], "easy": [0, 1], "hard": [2], "junk": [3]}
    second = {
        "bbx": np.array([0, 0, 50, 40]),
        "easy": np.array([], dtype=np.int64),
        "hard": np.array([4, 5]),
        "junk": [],
    }
    return {
        "imlist": [f"all_souls_{i:06d}" for i in range(5)] + ["balliol_000005"],
        "qimlist": ["all_souls_000100", "balliol_000200"],
        "gnd": [first, second],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jpg").mkdir()
    truth = ground_truth()
    for name in (*truth["imlist"], *truth["qimlist"]):
        Image.new("RGB", (50, 40)).save(tmp_path / "jpg" / f"{name}.jpg")
    write(tmp_path, truth)
    return tmp_path


def write(folder: Path, truth: object, protocol: int = 2) -> None:
    (folder / "gnd_roxford5k.pkl").write_bytes(pickle.dumps(truth, protocol))


def read(folder: Path, protocol: str) -> Benchmark:
    return read_benchmark(f"roxford5k-{protocol}:{folder}")


@pytest.mark.parametrize("form", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_three_protocols(folder: Path, form: int) -> None:
    write(folder, ground_truth(), form)
    expected = {
        "easy": [({0, 1}, {2, 3})],
        "medium": [({0, 1, 2}, {3}), ({4, 5}, set())],
        "hard": [({2}, {0, 1, 3}), ({4, 5}, set())],
    }
    for protocol, queries in expected.items():
        benchmark = read(folder, protocol)
        assert benchmark.name == f"roxford5k-{protocol}"
        assert [path.stem for path in benchmark.database] == ground_truth()["imlist"]  # queries are not in it
        assert [(set(query.positives), set(query.junk)) for query in benchmark.queries] == queries
        assert benchmark.queries[0].box == (1.5, 2.0, 30.0, 40.0)
        assert benchmark.queries[0].group == "all_souls"
    assert read(folder, "medium").notices == ()
    assert read(folder, "easy").notices == (
        "roxford5k-easy: 1 of 2 queries have no positives in this protocol",
    )


def test_positions_follow_the_images_that_are_there(folder: Path) -> None:
    for name in ("all_souls_000001", "balliol_000200"):
        (folder / "jpg" / f"{name}.jpg").unlink()
    benchmark = read(folder, "medium")
    assert benchmark.notices == (
        "roxford5k-medium: 2 of 8 images are missing, first all_souls_000001.jpg; "
        "1 of 2 queries are left out",
    )
    [only] = benchmark.queries
    assert {benchmark.database[i].stem for i in only.positives} == {"all_souls_000000", "all_souls_000002"}
    assert {benchmark.database[i].stem for i in only.junk} == {"all_souls_000003"}


def test_photos_that_the_list_does_not_name_are_no_part_of_it(folder: Path) -> None:
    Image.new("RGB", (50, 40)).save(folder / "jpg" / "other.jpg")
    assert len(read(folder, "hard").database) == 6


def changed(**entry: object) -> dict[str, Any]:
    truth = ground_truth()
    truth["gnd"][0] |= entry
    return truth


WRONG: dict[str, tuple[object, str]] = {
    "a list": ([1, 2], "expected imlist, qimlist and gnd"),
    "no gnd": ({"imlist": [], "qimlist": []}, "expected imlist, qimlist and gnd"),
    "fewer entries": ({**ground_truth(), "gnd": []}, "2 queries, 0 entries"),
    "an entry of another kind": ({**ground_truth(), "gnd": [1, 2]}, "expected entries of bbx, easy, hard"),
    "original entries": ({**ground_truth(), "gnd": [{"ok": [], "junk": []}] * 2}, "expected entries of bbx"),
    "numbers for names": ({**ground_truth(), "imlist": [1]}, "expected names of photos"),
    "a name twice": ({**ground_truth(), "imlist": ["a", "a"]}, "imlist names a photo twice"),
    "a box of three": (changed(bbx=[1, 2, 3]), "expected boxes"),
    "a box of nan": (changed(bbx=[1.0, 2.0, float("nan"), 9.0]), "expected"),
    "positions beyond the end": (changed(easy=[6]), "expected positions from 0 to 5"),
    "negative positions": (changed(junk=[-1]), "expected positions from 0 to 5"),
    "halves": (changed(hard=[0.5]), "expected positions from 0 to 5"),
    "text for positions": (changed(easy="01"), "expected lists of numbers"),
    "truths for positions": (changed(easy=[True]), "expected lists of numbers"),
    "huge numbers": (changed(easy=[10**400]), "expected lists of numbers"),
}


@pytest.mark.parametrize(("truth", "line"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_ground_truth_is_told(truth: object, line: str, folder: Path) -> None:
    write(folder, truth)
    pattern = rf"^[^\n]*gnd_roxford5k\.pkl is no ground truth: [^\n]*{re.escape(line)}[^\n]*$"
    with pytest.raises(InvalidInputError, match=pattern):
        read(folder, "medium")


def test_a_ground_truth_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected one gnd_rparis6k.pkl in [^\n]*, found 0$"):
        read_benchmark(f"rparis6k-hard:{folder}")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pickles") / "x.pkl"


@given(value=plain, form=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_come_back(value: object, form: int, scratch: Path) -> None:
    scratch.write_bytes(pickle.dumps(value, form))
    assert read_plain_pickle(scratch) == value


ARRAYS = [
    np.arange(7),
    np.zeros(0, dtype=np.int64),
    np.arange(6, dtype=">f4").reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array([True, False]),
    np.arange(3, dtype=np.uint8)[:, None],
    np.array(4),
]


@pytest.mark.parametrize("form", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype.str}{array.shape}")
def test_arrays_of_numbers_come_back(array: np.ndarray, form: int, scratch: Path) -> None:
    scratch.write_bytes(pickle.dumps({"a": array, "n": [array.dtype.type(1)]}, form))
    value = read_plain_pickle(scratch)
    assert isinstance(value, dict)
    assert isinstance(value["a"], NumberArray)
    assert value["a"].values.dtype == array.dtype
    assert value["a"].values.tolist() == array.tolist()
    assert value["n"] == [1]


def test_a_pickle_of_python_2() -> None:
    # {'easy': array([3, 5])} as Python 2 wrote it: the array's bytes are text.
    data = (
        b"\x80\x02}q\x00U\x04easyq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03"
        b"K\x00\x85q\x04U\x01bq\x05\x87q\x06Rq\x07(K\x01K\x02\x85q\x08cnumpy\ndtype\nq\tU\x02i8q\nK\x00K\x01"
        b"\x87q\x0bRq\x0c(K\x03U\x01<q\rNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0eb\x89U\x10"
        + struct.pack("<2q", 3, 5)
        + b"q\x0ftq\x10bs."
    )
    expected = pickle.loads(data, encoding="latin1")  # noqa: S301 - our own bytes
    value = read_bytes(data)
    assert isinstance(value, dict)
    assert value["easy"].values.tolist() == expected["easy"].tolist() == [3, 5]


def read_bytes(data: bytes) -> object:
    class Bytes(io.BytesIO):
        pass

    class Fake:
        def open(self, _: str) -> Bytes:
            return Bytes(data)

        def __str__(self) -> str:
            return "x.pkl"

    return read_plain_pickle(Fake())  # type: ignore[arg-type]


class Hostile:
    def __init__(self, call: Any, *args: object) -> None:
        self.made_of = (call, args)

    def __reduce__(self) -> Any:
        return self.made_of


HOSTILE: dict[str, object] = {
    "a command": Hostile(os.system, "true"),
    "eval": Hostile(eval, "1"),
    "getattr": Hostile(getattr, "a", "b"),
    "import": Hostile(__import__, "os"),
    "bytearray": bytearray(b"x"),
    "range": range(3),
    "complex numbers": 1j,
    "an array of objects": np.array([{}, []], dtype=object),
    "an array of text": np.array(["a"]),
    "an array with fields": np.zeros(1, dtype=[("a", "i4")]),
    "an array of complex numbers": np.zeros(2, dtype=np.complex128),
    "an array of dates": np.zeros(2, dtype="M8[s]"),
    "a path": Path("x"),
    "a class": dict,
    "an exception": ValueError("x"),
    "bytes of something else": Hostile(bytes, 10**12),
}


@pytest.mark.parametrize("form", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_anything_else_is_refused(value: object, form: int, scratch: Path) -> None:
    scratch.write_bytes(pickle.dumps([value], form))
    if isinstance(value, bytearray) and form == 5:
        assert read_plain_pickle(scratch) == [value]  # protocol 5 has a plain form of it
        return
    with pytest.raises(InvalidInputError, match=r"^[^\n]*(only plain data is read|or is damaged: \w+)$"):
        read_plain_pickle(scratch)


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
DTYPE = b"(cnumpy\ndtype\n(Vi8\nI0\nI1\ntR(I3\nV<\nNNNI-1\nI-1\nI0\ntb"
PROGRAMS = {
    "change a constructor": b"cnumpy\ndtype\n(N}Vx\nI1\nstb.",
    "give a constructor a state": b"cnumpy\ndtype\n}Vx\nI1\nsb.",
    "make an instance of one": b"\x80\x02cnumpy\nndarray\n)\x81.",
    "fewer bytes than numbers": RECONSTRUCT + b"(tR(I1\n(I1000000000\nt" + DTYPE[1:] + b"I00\nV\ntb.",
    "a negative side": RECONSTRUCT + b"(tR(I1\n(I-1\nt" + DTYPE[1:] + b"I00\nV\ntb.",
    "a side that is text": RECONSTRUCT + b"(tR(I1\n(Va\nt" + DTYPE[1:] + b"I00\nV\ntb.",
    "an array without a type": RECONSTRUCT + b"(tR(I1\n(I1\ntNI00\nV\ntb.",
    "a type with a state of text": b"cnumpy\ndtype\n(Vi8\ntRVabc\nb.",
    "an extension": b"\x80\x02\x82\x01.",
    "something stored elsewhere": b"Pabc\n.",
    "call a number": b"I1\n(tR.",
    "room for four thousand million": b"\x80\x02Nr\xff\xff\xff\xff.",
    "no end": b"]",
    "nothing": b"",
    "an empty stack": b".",
    "text": b"hello",
    "a set of text": b"cbuiltins\nset\n(Vabc\ntR.",
    "an encoding": b"c_codecs\nencode\n(Vabc\nVrot13\ntR.",
}


@pytest.mark.parametrize("data", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_programs_made_by_hand_do_nothing(data: bytes) -> None:
    if data == PROGRAMS["room for four thousand million"]:
        assert read_bytes(data) is None  # a place in a dictionary, no table of that size
        return
    with pytest.raises(InvalidInputError, match=r"^x\.pkl [^\n]*$"):
        read_bytes(data)


def complaint(data: bytes) -> str:
    try:
        read_bytes(data)
    except InvalidInputError as error:
        return str(error)
    return "x.pkl is plain"


@given(st.binary(max_size=60))
def test_noise_is_a_value_or_one_line(data: bytes) -> None:
    assert re.fullmatch(r"x\.pkl [^\n]+", complaint(data))


@given(st.data())
def test_a_damaged_pickle_is_a_value_or_one_line(data: st.DataObject) -> None:
    whole = bytearray(pickle.dumps(ground_truth(), 2))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    for damaged in (bytes(whole), bytes(whole[:cut])):
        assert re.fullmatch(r"x\.pkl [^\n]+", complaint(damaged))


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "x.pkl").open("wb") as file:
        file.truncate((8 << 20) + 1)
    with pytest.raises(InvalidInputError, match="expected a file of at most 8,388,608 bytes"):
        read_plain_pickle(tmp_path / "x.pkl")
    with pytest.raises(InvalidInputError, match="cannot read"):
        read_plain_pickle(tmp_path / "none.pkl")
