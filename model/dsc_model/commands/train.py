"""`dsc-model train`: train a feature network on tuples of photos, and export it."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of
from dsc_common.cli.streams import say
from dsc_common.errors import DscError, SettingError
from dsc_common.features.hardware import CPU, Hardware
from dsc_model.commands.backbone_options import ClassWeights, FeatureWeights

_NEEDS = "training needs the extra `train` of deep-semantic-coding"


def train(
    data: Annotated[
        Path,
        typer.Argument(
            parser=path_of,
            metavar="DATA",
            help="A folder of groups of photos, a ground truth (.json), or SfM tuples (.pkl).",
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(parser=path_of, metavar="DIR", help="Folder of checkpoints, log and network."),
    ],
    backbone: Annotated[str, typer.Option(help="Network to start from.")] = "efficientnet-lite0",
    class_weights: ClassWeights = None,
    feature_weights: FeatureWeights = None,
    validation: Annotated[
        Path | None,
        typer.Option(parser=path_of, metavar="DATA", help="For validation. (default: groups held out)"),
    ] = None,
    held_out: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Fraction of groups held out for validation; 0: none.")
    ] = 0.1,
    epochs: Annotated[int, typer.Option(min=1, max=10_000, help="Number of epochs.")] = 30,
    longest_side: Annotated[
        int, typer.Option(min=32, max=4096, help="Longest side of photos, pixels.")
    ] = 362,
    rate: Annotated[float, typer.Option(min=0.0, max=1.0, help="Learning rate in the first epoch.")] = 1e-6,
    decay: Annotated[
        float, typer.Option(min=0.0, max=10.0, help="The rate falls by e^-DECAY with each epoch.")
    ] = 0.01,
    momentum: Annotated[float, typer.Option(min=0.0, max=0.999, help="Beta 1 of Adam.")] = 0.9,
    weight_decay: Annotated[float, typer.Option(min=0.0, max=1.0, help="L2 penalty, not on p.")] = 1e-4,
    p_rate: Annotated[
        float, typer.Option(min=0.0, max=1e6, help="Rate of GeM's p, in multiples of --rate; 0 keeps p.")
    ] = 10.0,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Tuples of a step.")] = 5,
    negatives: Annotated[int, typer.Option(min=1, max=1000, help="Hard negatives of a tuple.")] = 5,
    margin: Annotated[float, typer.Option(min=0.0, max=2.0, help="Margin τ of eq. (9).")] = 0.85,
    queries: Annotated[int, typer.Option(min=1, max=10_000_000, help="Tuples of an epoch.")] = 2000,
    pool: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Photos from which an epoch's negatives are mined.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random choices.")] = 0,
    checkpoint: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 50,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the training in DIR.")] = False,
    device: Annotated[Hardware, typer.Option(help="Where to compute; cuda: one GPU.")] = CPU,
    mixed: Annotated[bool, typer.Option("--mixed", help="Mixed precision, on a GPU.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="(default: one per core)")] = None,
    export_side: Annotated[
        int | None,
        typer.Option(
            min=32,
            max=4096,
            help="Longest side of photos for DIR/model.onnx. (default: the backbone's)",
        ),
    ] = None,
) -> None:
    """Train a feature network on tuples (query, positive, hard negatives), eq. (9); write DIR/model.onnx."""
    if mixed and device == CPU:
        raise SettingError("--mixed applies to --device cuda")
    try:
        from dsc_common.cli.progress_bar import bar  # noqa: PLC0415
        from dsc_model.training.job import TrainingJob, run_job  # noqa: PLC0415
        from dsc_model.training.settings import TrainingSettings  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DscError(f"{_NEEDS}: {error}") from error
    settings = TrainingSettings(
        epochs=epochs,
        longest_side=longest_side,
        rate=rate,
        decay=decay,
        momentum=momentum,
        weight_decay=weight_decay,
        p_rate=p_rate,
        batch=batch,
        negatives=negatives,
        margin=margin,
        queries=queries,
        pool=pool,
        seed=seed,
        checkpoint=checkpoint,
        mixed=mixed,
    )
    job = TrainingJob(
        data,
        out,
        backbone,
        class_weights,
        feature_weights,
        validation,
        held_out,
        settings,
        device,
        export_side,
    )
    written = run_job(job, resume=resume, threads=threads, say=say, track=bar)
    say(f"wrote {written}")
