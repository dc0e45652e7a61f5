"""`dsc-model train`, from files to files: data, the network to start from, training, the exported network."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dsc_common.features.hardware import Hardware
from dsc_common.progress import Track
from dsc_model.backbones.registry import BackboneOptions, build_backbone, longest_side_of, require_exportable
from dsc_model.export import export_module
from dsc_model.training.settings import TrainingSettings
from dsc_model.training.sources.reading import own_validation, read_data
from dsc_model.training.splitting import split
from dsc_model.training.training import Training, train
from dsc_model.training.tuples import TrainingSet

MODEL = "model.onnx"
TRAINED = "-trained"  # of the name of a backbone: its features are no longer the backbone's


@dataclass(frozen=True)
class TrainingJob:
    """What to train, on what, and where to; see `dsc-model train --help`."""

    data: Path
    out: Path
    backbone: str
    class_weights: Path | None
    feature_weights: Path | None
    validation: Path | None
    held_out: float
    settings: TrainingSettings
    device: Hardware
    export_side: int | None

    @property
    def options(self) -> BackboneOptions:
        """Options of the backbone."""
        return BackboneOptions(self.export_side, self.class_weights, self.feature_weights)


def run_job(
    job: TrainingJob, *, resume: bool, threads: int | None, say: Callable[[str], None], track: Track[Any]
) -> Path:
    """Train, and export the best epoch; return the path of the exported network.

    Raises:
        InvalidInputError, DscError: as `train` and `export_backbone`.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    require_exportable(job.backbone, job.options)
    data, validation = _data_of(job, say)
    network = build_backbone(job.backbone, job.options)
    training = Training(job.backbone, network, data, validation, job.settings, job.device)
    best = train(training, job.out, resume=resume, say=say, track=track)
    side = longest_side_of(job.backbone, job.options)
    export_module(best, job.out / MODEL, job.backbone + TRAINED, side)
    return job.out / MODEL


def _data_of(job: TrainingJob, say: Callable[[str], None]) -> tuple[TrainingSet, TrainingSet | None]:
    """Data to train on, and for validation: given, published with it, or groups that are held out."""
    data = read_data(job.data)
    validation = own_validation(job.data) if job.validation is None else read_data(job.validation)
    if validation is None and job.held_out > 0:
        data, validation = split(data, job.held_out, job.settings.seed)
    for notice in data.notices:
        say(notice)
    say(f"{data.name}: {len(data.photos):,} photos, {len(data.queries):,} of them with matches, to train on")
    if validation is None:
        say("no validation: the last epoch is exported")
    else:
        say(
            f"{validation.name}: {len(validation.queries):,} queries among {len(validation.photos):,} "
            "photos, for validation"
        )
    return data, validation
