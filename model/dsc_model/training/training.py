"""A training from its start, or from its last checkpoint, to the exported network."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dsc_common.errors import DscError, InvalidInputError
from dsc_common.features.hardware import CPU, CUDA, Hardware
from dsc_common.features.images import check_photo
from dsc_common.files.lock import locked
from dsc_common.files.whole_file import write_whole
from dsc_common.progress import Track, untracked
from dsc_model.backbones.network import PhotoNetwork
from dsc_model.training.checkpoints import (
    Checkpoint,
    Origin,
    load_model,
    read_checkpoint,
    require_same,
    write_checkpoint,
)
from dsc_model.training.describing import describe_photos
from dsc_model.training.epoch import mine, run_epoch
from dsc_model.training.feature_network import FeatureNetwork
from dsc_model.training.optimizer import new_optimizer, optimizer_state, restore_optimizer, set_rate
from dsc_model.training.photo_reader import PhotoReader
from dsc_model.training.settings import TrainingSettings
from dsc_model.training.state import EpochRecord, State, Totals
from dsc_model.training.tuples import TrainingSet, require_trainable
from dsc_model.training.validation import mean_average_precision

LAST, BEST, LOG = "last.safetensors", "best.safetensors", "log.jsonl"
_EXAMPLE_SIDE = 64  # pixels of the photo that shows which parameters a descriptor depends on

Say = Callable[[str], None]


def _silent(_line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Training:
    """What is trained on what.

    Attributes:
        backbone: name of the network.
        network: with the weights to start from; it is not changed.
        data: photos to train on.
        validation: photos for validation; None: the last epoch is the best.
        settings: of the training.
        device: where to compute.
    """

    backbone: str
    network: PhotoNetwork
    data: TrainingSet
    validation: TrainingSet | None
    settings: TrainingSettings
    device: Hardware = CPU


def train(
    training: Training,
    folder: Path,
    *,
    resume: bool = False,
    say: Say = _silent,
    track: Track[Any] = untracked,
) -> PhotoNetwork:
    """Train a network; return it as it was after the best epoch, with the untouched classifier.

    The folder gets `last.safetensors` (the last checkpoint), `best.safetensors` (the best epoch) and
    `log.jsonl` (a line for each epoch). Training that is killed and resumed gives the same files, bit by bit,
    on the same machine.

    Args:
        training: network, data and settings.
        folder: of the checkpoints; it is made if it is not there.
        resume: continue from the last checkpoint in the folder, if there is one.
        say: receives lines for a person.
        track: shows progress.

    Raises:
        InvalidInputError: the data does not suffice, a photo cannot be read, or the checkpoint is of another
            network, other data or other settings.
        DscError: a checkpoint cannot be written; the one before it is whole.
    """
    if folder.exists() and not folder.is_dir():
        raise InvalidInputError(f"expected a folder for checkpoints, got a file: {folder}")
    _require_sound(training)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        locked(folder / ".training.lock", f"another training writes to {folder}"),
        _deterministic(training.device),
    ):
        run = _Run(training, folder, say, track)
        if resume and (folder / LAST).exists():
            run.resume()
        elif not resume and (folder / LAST).exists():
            raise InvalidInputError(f"{folder} has a training already: --resume continues it")
        else:
            run.start()
        while run.state.epoch < training.settings.epochs:
            run.epoch()
        return run.best_network()


class _Run:
    """A training under way."""

    def __init__(self, training: Training, folder: Path, say: Say, track: Track[Any]) -> None:
        self._training, self._folder, self._say, self._track = training, folder, say, track
        self._settings = training.settings
        self._reader = PhotoReader(training.settings.longest_side)
        self._network = FeatureNetwork(training.network)
        self._origin = Origin(
            training.backbone,
            _hash_of_tensors(self._network.state_dict()),
            _hash_of_data(training),
            training.settings,
        )
        self._network.to(training.device)
        self._trained = self._network.trained(torch.full((1, 3, _EXAMPLE_SIDE, _EXAMPLE_SIDE), 0.5))
        self._optimizer = new_optimizer(self._trained, self._settings)
        self.state = State()

    def start(self) -> None:
        """Measure the network before its training: epoch 0."""
        self._finish(EpochRecord(0, None, None, None, self._network.p.item(), self._validate(0)))

    def resume(self) -> None:
        """Continue from the last checkpoint."""
        path = self._folder / LAST
        found = read_checkpoint(path)
        require_same(self._origin, found.origin, path)
        load_model(self._network, found.model, self._origin.backbone, path)
        restore_optimizer(self._optimizer, self._trained, found.adam)
        self.state = found.state
        self._say(f"continuing after step {self.state.step} of epoch {self.state.epoch + 1}")

    def epoch(self) -> None:
        """Mine, make the steps, validate, and write the checkpoints of an epoch."""
        state, data, reader = self.state, self._training.data, self._reader
        set_rate(self._optimizer, self._settings, state.epoch)
        if state.plan is None:
            state.plan = mine(self._network, data, reader, self._settings, state.epoch, self._track)
            self._write()
        run_epoch(
            self._network,
            self._optimizer,
            data,
            reader,
            self._settings,
            state,
            self._after_step,
            self._track,
        )
        totals, number = state.totals, state.epoch + 1
        record = EpochRecord(
            number,
            totals.loss / totals.tuples,
            totals.positive_distance / totals.tuples,
            totals.negative_distance / totals.tuples,
            self._network.p.item(),
            self._validate(number),
        )
        state.epoch, state.step, state.plan, state.totals = number, 0, None, Totals()
        self._finish(record)

    def best_network(self) -> PhotoNetwork:
        """The network after the best epoch."""
        path = self._folder / BEST
        found = read_checkpoint(path)
        load_model(self._network, found.model, self._origin.backbone, path)
        if self.state.best.epoch == 0:
            self._say("no epoch is better than the network before: it is kept")
        return self._network.photo_network(self._training.network)

    def _after_step(self) -> None:
        if self.state.step % self._settings.checkpoint == 0:
            self._write()

    def _validate(self, epoch: int) -> float | None:
        data = self._training.validation
        if data is None:
            return None
        task, mixed = f"epoch {epoch}, validation", self._settings.mixed
        descriptors = describe_photos(
            self._network, data.photos, self._reader, self._track, task, mixed=mixed
        )
        return mean_average_precision(descriptors, data)

    def _finish(self, record: EpochRecord) -> None:
        """Record an epoch: its checkpoint last, so that a kill between the files repeats its last steps."""
        self.state.history.append(record)
        if self.state.best is record:
            self._write(BEST)
        lines = "".join(json.dumps(asdict(line)) + "\n" for line in self.state.history)
        write_whole(self._folder / LOG, lines.encode())
        self._write()
        self._say(_line(record))

    def _write(self, name: str = LAST) -> None:
        adam = optimizer_state(self._optimizer, self._trained) if name == LAST else {}
        model = dict(self._network.state_dict())
        write_checkpoint(self._folder / name, Checkpoint(self._origin, self.state, model, adam))


def _require_sound(training: Training) -> None:
    require_trainable(training.data, training.settings.negatives)
    photos = [*training.data.photos, *(training.validation.photos if training.validation else ())]
    for path in dict.fromkeys(photo.path for photo in photos):
        check_photo(path)
    if training.validation is not None and not len(training.validation.queries):
        raise InvalidInputError(f"{training.validation.name} has no matches to validate with")
    if training.device == CUDA and not torch.cuda.is_available():
        raise DscError("expected a GPU for --device cuda, got none")


def _line(record: EpochRecord) -> str:
    parts = [f"epoch {record.epoch}:"]
    if record.loss is not None:
        parts.append(
            f"loss {record.loss:.4f}, distance of positives {record.positive_distance:.3f}, "
            f"of negatives {record.negative_distance:.3f},"
        )
    parts.append(f"p {record.p:.3f}")
    if record.validation_map is not None:
        parts[-1] += f", validation mAP {record.validation_map:.4f}"
    return " ".join(parts)


def _hash_of_tensors(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _hash_of_data(training: Training) -> str:
    digest = hashlib.sha256()
    for data in (training.data, training.validation):
        if data is not None:
            digest.update(json.dumps([[str(photo.path.name), photo.box] for photo in data.photos]).encode())
            for array in (data.clusters, data.queries, *data.positives):
                digest.update(array.tobytes() + b";")
    return digest.hexdigest()


@contextlib.contextmanager
def _deterministic(device: Hardware) -> Iterator[None]:
    """The same numbers on each run on one machine; on a GPU as far as its operations allow."""
    if device == CUDA:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=device == CUDA)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
