"""Weights files are data: what asks for code is refused, and what does not fit is named in one line."""

import builtins
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dsc_common.errors import InvalidInputError
from dsc_model.weights.weights_file import SkippedArray, check_state_dict, load_weights_file

HERE = Path("w.pth")


class Trap:
    """Calls a function with an argument when it is unpickled without care."""

    def __init__(self, function: Callable[..., Any], argument: str) -> None:
        self.call = function, (argument,)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return self.call


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("function", [os.mkdir, builtins.eval, np.load])
def test_a_file_that_asks_for_code_is_refused_and_runs_nothing(
    tmp_path: Path, function: Callable[..., Any], zipped: bool
) -> None:
    marker = tmp_path / "marker"
    argument = f"__import__('os').mkdir({str(marker)!r})" if function is builtins.eval else str(marker)
    content = {"meta": {"Lw": Trap(function, argument)}, "state_dict": {"pool.p": torch.ones(1)}}
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(InvalidInputError, match=r"w\.pth: refused: it asks to load '\w") as caught:
        load_weights_file(tmp_path / "w.pth")
    assert "\n" not in str(caught.value)
    assert not marker.exists()


@pytest.mark.parametrize("module", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
def test_numpy_arrays_are_read_past_and_never_built(tmp_path: Path, module: bytes) -> None:
    """As in published files of either generation of numpy; objects in arrays are no way in."""
    arrays = {"m": np.ones((4, 1)), "P": np.eye(4, dtype=np.float32), "o": np.array(["a"], dtype=object)}
    content = {"meta": {"Lw": arrays}, "min_loss": np.float64(0.5), "weight": torch.arange(3.0)}
    path = tmp_path / "w.pth"
    torch.save(content, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes().replace(b"numpy._core.multiarray", module))
    before = set(torch.serialization.get_safe_globals())
    loaded = load_weights_file(path)
    assert {type(array) for array in loaded["meta"]["Lw"].values()} == {SkippedArray}
    assert loaded["weight"].tolist() == [0.0, 1.0, 2.0]
    assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize("content", [b"", b"not a weights file", b"PK\x03\x04 half a zip", b"\x80\x02."])
def test_a_file_that_is_no_weights_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"w\.pth: not a PyTorch weights file, or a damaged one$"):
        load_weights_file(path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"weight": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InvalidInputError, match="damaged"):
        load_weights_file(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"cannot read weights file .*absent\.pth: No such file"):
        load_weights_file(tmp_path / "absent.pth")
    with pytest.raises(InvalidInputError, match=r"cannot read weights file .*: Is a directory"):
        load_weights_file(tmp_path)


def test_a_bare_tensor_is_refused(tmp_path: Path) -> None:
    torch.save(torch.zeros(2), tmp_path / "w.pth")
    with pytest.raises(InvalidInputError, match="expected a dictionary of named tensors, got Tensor"):
        load_weights_file(tmp_path / "w.pth")


EXPECTED: dict[str, tuple[int, ...]] = {"fc.weight": (10, 2), "bn.num_batches_tracked": ()}
GOOD = {"fc.weight": torch.zeros(10, 2), "bn.num_batches_tracked": torch.tensor(7)}


def test_the_right_state_dict_is_accepted_with_and_without_counters() -> None:
    check_state_dict(GOOD, EXPECTED, "a layer", HERE)
    check_state_dict({"fc.weight": torch.zeros(10, 2).half()}, EXPECTED, "a layer", HERE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fc.weight": torch.zeros(3, 2)}, "with fc.weight of shape (10, 2), got (3, 2)"),
        ({"fc.weight": torch.full((10, 2), torch.nan)}, "with fc.weight finite, got NaN or infinity"),
        (
            {"fc.weight": torch.zeros(10, 2, dtype=torch.int64)},
            "with fc.weight of floating-point numbers, got torch.int64",
        ),
        ({"fc.weight": [[0.0, 0.0]] * 10}, "with fc.weight a plain tensor, got list"),
        ({"fc.weight": torch.zeros(10, 2, device="meta")}, "with fc.weight a plain tensor, got Tensor"),
        ({"a": 1, "b\n": 1, "c": 1, "d": 1}, ", got 4 unexpected ('a', 'b\\n', 'c', …)"),
    ],
)
def test_a_state_dict_that_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_state_dict(GOOD | change, EXPECTED, "a layer", HERE)
    assert str(caught.value) in (f"w.pth: expected a layer {message}", f"w.pth: expected a layer{message}")


def test_missing_names_are_listed() -> None:
    with pytest.raises(InvalidInputError, match=r"^w.pth: expected a layer, got 1 missing \('fc.weight'\)$"):
        check_state_dict({}, EXPECTED, "a layer", HERE)
