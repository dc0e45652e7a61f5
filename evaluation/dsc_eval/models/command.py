"""`dsc-eval loss` and `dsc-eval bench networks`: what another network loses, at an index and side by side."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dsc_common.cli.paths import path_of
from dsc_common.cli.progress_bar import bar
from dsc_common.cli.streams import say, show
from dsc_common.errors import InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_eval.bench.commands import Name, checked, recorded
from dsc_eval.bench.record import conditions
from dsc_eval.datasets.registry import read_benchmark
from dsc_eval.experiments.provenance import describe_data
from dsc_eval.models import networks, training_settings
from dsc_eval.models.index_loss import measure_index_loss
from dsc_eval.models.networks import NetworksSettings
from dsc_eval.models.training_settings import TrainingBenchSettings
from dsc_eval.offline.benchmark_data import load_benchmark_data
from dsc_eval.options import Out
from dsc_eval.output import Row, require_writable_file, write_json
from dsc_eval.row_table import show_rows
from dsc_eval.setting_options import command_with_settings

THREADS = 1


def loss(
    index: Annotated[Path, typer.Option(parser=path_of, metavar="DIR", help="The index directory.")],
    model: Annotated[
        Path, typer.Option(parser=path_of, metavar="FILE", help="The other network, such as an int8 variant.")
    ],
    ground_truth: Annotated[
        str,
        typer.Option(metavar="FILE", help="Ground truth: a JSON file, or NAME:DIR of a published data set."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            parser=path_of, metavar="FILE", help="JSON file to write, for `dsc-server accept --measured`."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
) -> None:
    """Measure the mAP that queries lose with another network than that of an index, without noise."""
    if out is not None:
        require_writable_file(out)
    measured = measure_index_loss(index, model, ground_truth, seed=seed, say=say, track=bar)
    if out is not None:
        write_json(out, measured.as_dict())
    interval = measured.difference.interval
    show(
        f"{measured.dataset}, {measured.queries} queries: mAP {measured.map_own:.4f} with the network of the "
        f"index, {measured.map_other:.4f} with the other; "
        f"loss {interval.mean:.4f} ({interval.low:.4f} to {interval.high:.4f})"
    )


def _networks(
    chosen: Mapping[str, object],
    ground_truth: Annotated[list[str], typer.Option(metavar="FILE", help="Ground truth; may be repeated.")],
    model: Annotated[
        list[Path],
        typer.Option(
            parser=path_of, metavar="FILE", help="Network; repeated: the first is that of the database."
        ),
    ],
    out: Out,
    file_name: Name = None,
) -> None:
    """Measure each network, load the data of each, and write one file."""
    settings = checked(NetworksSettings, networks.NAME, chosen, out, file_name)
    if len(model) < 2:
        raise InvalidInputError("expected two networks or more, got one: --model may be repeated")
    sets = [[load_benchmark_data(truth, "", path) for path in model] for truth in ground_truth]

    def measure() -> list[Row]:
        timed = networks.networks_of(model, sets[0][0][0].benchmark.database, settings, bar)
        return [row for each in sets for row in networks.rows_of(timed, [data for data, _ in each], settings)]

    def describe() -> dict[str, object]:
        sources = [
            describe_data(data.benchmark, data.features, origin.ground_truth, origin.distractors)
            for data, origin in (each[0] for each in sets)
        ]
        hashes = [Extractor.from_file(path, threads=1).info.sha256 for path in model]
        data = [asdict(source) for source in sources]
        return {**conditions(settings, THREADS), "data": data, "model_sha256": hashes}

    rows = recorded(networks.NAME, describe, measure, out, file_name)
    show_rows(networks.NAME, rows, networks.SHOWN)


def _training(
    chosen: Mapping[str, object],
    ground_truth: Annotated[str, typer.Option(metavar="FILE", help="Ground truth; its queries have groups.")],
    out: Out,
    file_name: Name = None,
) -> None:
    """Train on all groups of queries but those of a fold, and test with those; write one file."""
    settings = checked(TrainingBenchSettings, training_settings.NAME, chosen, out, file_name)
    benchmark = read_benchmark(ground_truth)
    from dsc_eval.models import training_bench  # noqa: PLC0415 - torch takes seconds to import

    def describe() -> dict[str, object]:
        return {**conditions(settings, os.cpu_count() or 1), "data": benchmark.name}

    rows = recorded(
        training_settings.NAME,
        describe,
        lambda: training_bench.rows_of(benchmark, settings, say, bar),
        out,
        file_name,
    )
    show_rows(training_settings.NAME, rows, training_settings.SHOWN)


networks_command = command_with_settings(NetworksSettings, _networks)
training_command = command_with_settings(TrainingBenchSettings, _training)
