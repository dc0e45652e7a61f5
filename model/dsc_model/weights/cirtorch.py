"""The published cirtorch checkpoint (cnnimageretrieval-pytorch): a torchvision trunk and its head.

Layout: `meta` (architecture, pooling, whitening, mean, std, outputdim, …) and `state_dict`, whose names count
ResNet's children: features.0 = conv1, features.1 = bn1, features.4 to 7 = layer1 to 4; then pool.p, GeM's
exponent, and whiten.weight, whiten.bias where whitening was learned end to end. Files of a training run have
`epoch`, `optimizer` and `min_loss` beside. Source: github.com/filipradenovic/cnnimageretrieval-pytorch,
cirtorch/networks/imageretrievalnet.py.
"""

import io
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from dsc_common.errors import InvalidInputError
from dsc_model.weights.weights_file import Shapes, check_state_dict

_CHILDREN = {"conv1": 0, "bn1": 1, "layer1": 4, "layer2": 5, "layer3": 6, "layer4": 7}
_EXPECTED_META = {"pooling": "gem", "local_whitening": False, "regional": False}

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class CirtorchNetwork:
    """A checkpoint in this project's terms.

    Attributes:
        trunk: tensors under torchvision's names, without fc.
        p: GeM's exponent.
        mean, std: of each colour channel, for RGB in [0, 1].
        whitening: W (F', F) and b (F',), or None.
    """

    trunk: dict[str, Tensor]
    p: float
    mean: Triple
    std: Triple
    whitening: tuple[Tensor, Tensor] | None


def is_cirtorch(content: Mapping[Any, Any]) -> bool:
    """Tell a cirtorch checkpoint from a bare state dict."""
    return isinstance(content.get("meta"), dict) and isinstance(content.get("state_dict"), dict)


def read_cirtorch(
    content: Mapping[Any, Any], architecture: str, trunk_shapes: Shapes, feature_dim: int, path: Path
) -> CirtorchNetwork:
    """Check a checkpoint against a trunk (torchvision's names, without fc) and take it apart.

    Post-hoc whitening (`meta["Lw"]`, learned after training and not part of the network) is not applied.

    Raises:
        InvalidInputError: another architecture or pooling; names, shapes or numbers that do not fit.
    """
    meta, state = content["meta"], content["state_dict"]
    what = f"a cirtorch checkpoint of {architecture} with GeM pooling"
    _check_meta(meta, {"architecture": architecture, **_EXPECTED_META}, what, path)
    names = {name: cirtorch_name(name) for name in trunk_shapes}
    expected = {names[name]: shape for name, shape in trunk_shapes.items()}
    check_state_dict(state, expected | _head_shapes(meta, feature_dim, path), what, path)
    return CirtorchNetwork(
        trunk={ours: state[theirs] for ours, theirs in names.items() if theirs in state},
        p=_positive(state["pool.p"].item(), "pool.p", path),
        mean=_triple(meta, "mean", path),
        std=_positive_triple(meta, "std", path),
        whitening=(state["whiten.weight"], state["whiten.bias"]) if meta.get("whitening") else None,
    )


def cirtorch_file(network: CirtorchNetwork, architecture: str, feature_dim: int) -> bytes:
    """The file of a checkpoint that `read_cirtorch` takes apart into `network`, for torch.load.

    Args:
        network: the feature network.
        architecture: name of the ResNet.
        feature_dim: F of the trunk, before whitening.
    """
    state = {cirtorch_name(name): value for name, value in network.trunk.items()}
    state["pool.p"] = torch.tensor([network.p])
    if network.whitening is not None:
        state["whiten.weight"], state["whiten.bias"] = network.whitening
    meta = {
        "architecture": architecture,
        **_EXPECTED_META,
        "whitening": network.whitening is not None,
        "mean": list(network.mean),
        "std": list(network.std),
        "outputdim": feature_dim if network.whitening is None else len(network.whitening[1]),
    }
    file = io.BytesIO()
    torch.save({"meta": meta, "state_dict": state}, file)
    return file.getvalue()


def cirtorch_name(name: str) -> str:
    """Return cirtorch's name of a trunk tensor: layer1.0.conv1.weight is features.4.0.conv1.weight."""
    child, rest = name.split(".", maxsplit=1)
    return f"features.{_CHILDREN[child]}.{rest}"


def _check_meta(meta: Mapping[Any, Any], expected_meta: Mapping[str, object], what: str, path: Path) -> None:
    for key, expected in expected_meta.items():
        value = meta.get(key, None if isinstance(expected, str) else False)
        if type(value) is not type(expected) or value != expected:
            got = reprlib.repr(value)
            raise InvalidInputError(f"{path}: expected {what} ({key} {expected!r}), got {key} {got}")
    if type(meta.get("whitening", False)) is not bool:
        got = reprlib.repr(meta["whitening"])
        raise InvalidInputError(f"{path}: expected whitening to be True or False, got {got}")


def _head_shapes(meta: Mapping[Any, Any], feature_dim: int, path: Path) -> dict[str, tuple[int, ...]]:
    whitened = bool(meta.get("whitening"))
    output_dim = meta.get("outputdim", feature_dim)
    if type(output_dim) is not int or output_dim < 1 or (output_dim != feature_dim and not whitened):
        raise InvalidInputError(f"{path}: expected outputdim {feature_dim}, got {reprlib.repr(output_dim)}")
    if not whitened:
        return {"pool.p": (1,)}
    return {"pool.p": (1,), "whiten.weight": (output_dim, feature_dim), "whiten.bias": (output_dim,)}


def _positive(value: float, name: str, path: Path) -> float:
    if not value > 0:
        raise InvalidInputError(f"{path}: expected {name} above 0, got {value}")
    return value


def _triple(meta: Mapping[Any, Any], name: str, path: Path) -> Triple:
    value = meta.get(name)
    if isinstance(value, list | tuple) and len(value) == 3 and all(map(_is_number, value)):
        return (float(value[0]), float(value[1]), float(value[2]))
    raise InvalidInputError(
        f"{path}: expected {name} to be three numbers (R, G, B), got {reprlib.repr(value)}"
    )


def _positive_triple(meta: Mapping[Any, Any], name: str, path: Path) -> Triple:
    red, green, blue = (_positive(value, name, path) for value in _triple(meta, name, path))
    return (red, green, blue)


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(cast("float", value))
