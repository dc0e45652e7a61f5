"""Checkpoints of a training as safetensors files, whole or not at all.

Tensors: `model/NAME` of the feature network; `adam/NAME/KEY` of the optimiser, of names that it has seen;
`plan/queries`, `plan/positives`, `plan/negatives`, int64, while an epoch is under way. Metadata: one entry,
`dsc.training`, JSON with `format`, `backbone`, `start`, `data`, `settings` and the state; the library writes
several entries in an order that changes. Random choices depend on the seed and the epoch alone, so that no
generator has a state to keep.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from dsc_common.errors import DscError, InvalidInputError
from dsc_common.files.whole_file import write_whole
from dsc_model.training.settings import TrainingSettings
from dsc_model.training.state import EpochRecord, Plan, State, Totals
from dsc_model.weights.weights_file import check_state_dict, shapes_of

FORMAT = 1
_KEY = "dsc.training"
_FREE = ("epochs", "checkpoint")  # settings that may change when a training is resumed


@dataclass(frozen=True)
class Origin:
    """What a training is of.

    Attributes:
        backbone: name of the network.
        start: SHA-256 of the parameters that it starts from.
        data: SHA-256 of the names of photos, their clusters and matches.
        settings: of the training.
    """

    backbone: str
    start: str
    data: str
    settings: TrainingSettings


@dataclass(frozen=True)
class Checkpoint:
    """Content of a checkpoint."""

    origin: Origin
    state: State
    model: dict[str, Tensor]
    adam: dict[str, Tensor]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; on an error an older file at `path` is unchanged.

    Raises:
        DscError: it cannot be written.
    """
    plan = checkpoint.state.plan
    tensors = {
        **{f"model/{name}": value for name, value in checkpoint.model.items()},
        **{f"adam/{name}": value for name, value in checkpoint.adam.items()},
        **(
            {}
            if plan is None
            else {f"plan/{name}": torch.from_numpy(value) for name, value in vars(plan).items()}
        ),
    }
    described = {"format": FORMAT, **asdict(checkpoint.origin), **checkpoint.state.as_dict()}
    metadata = {_KEY: json.dumps(described)}
    content = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, metadata)
    try:
        write_whole(path, content)
    except OSError as error:
        raise DscError(f"cannot write the checkpoint {path}: {error.strerror or error}") from error


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; names and shapes of its tensors are not checked yet.

    Raises:
        InvalidInputError: the file cannot be read, is damaged, or is no checkpoint of a training.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise InvalidInputError(f"{path} is no checkpoint, or is damaged: {error}") from error
    if _KEY not in metadata:
        raise InvalidInputError(f"{path} is no checkpoint of a training")
    try:
        described = json.loads(metadata[_KEY])
        if described["format"] != FORMAT:
            raise InvalidInputError(f"{path}: expected format {FORMAT}, got {described['format']}")
        origin = Origin(
            backbone=str(described["backbone"]),
            start=str(described["start"]),
            data=str(described["data"]),
            settings=TrainingSettings(**described["settings"]),
        )
        return Checkpoint(
            origin, _state(described, tensors), *(_below(tensors, part) for part in ("model", "adam"))
        )
    except InvalidInputError:
        raise
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidInputError(f"{path} is damaged: its state lacks {error}") from error


def require_same(given: Origin, found: Origin, path: Path) -> None:
    """Raise InvalidInputError unless a checkpoint continues what is asked for; more epochs may be."""
    for what, here, there in (
        ("network", given.backbone, found.backbone),
        ("parameters at the start", given.start[:12], found.start[:12]),
        ("photos or matches", given.data[:12], found.data[:12]),
    ):
        if here != there:
            raise InvalidInputError(f"{path} is of another training: expected the {what} {here}, got {there}")
    ours, theirs = (asdict(origin.settings) for origin in (given, found))
    for name, value in ours.items():
        if name not in _FREE and value != theirs[name]:
            raise InvalidInputError(
                f"{path} is of another training: expected {name} {value}, got {theirs[name]}"
            )


def load_model(module: torch.nn.Module, tensors: Mapping[str, Tensor], backbone: str, path: Path) -> None:
    """Give a feature network the parameters of a checkpoint.

    Raises:
        InvalidInputError: they are those of another network.
    """
    check_state_dict(tensors, shapes_of(module), f"the feature network of {backbone}", path)
    module.load_state_dict(tensors)


def _below(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    start = f"{part}/"
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def _state(described: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> State:
    arrays = {name: value.numpy() for name, value in _below(tensors, "plan").items()}
    return State(
        epoch=int(described["epoch"]),
        step=int(described["step"]),
        plan=Plan(**arrays) if arrays else None,
        totals=Totals(**described["totals"]),
        history=[EpochRecord(**record) for record in described["history"]],
    )
