"""Any experiment by name: its settings, its rows as CSV, and where they come from as JSON."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dsc_common.features.extractor import ModelInfo
from dsc_eval.experiments import ablation, beyond, decoding, fig2, fig3, table1
from dsc_eval.experiments.databases import DatabaseSettings
from dsc_eval.experiments.provenance import Stopwatch, describe_data, hardware, peak_memory_bytes, versions
from dsc_eval.experiments.settings import ExperimentSettings, load_settings
from dsc_eval.offline.material import Material, Origin
from dsc_eval.output import Row, write_csv, write_json


@dataclass(frozen=True)
class Experiment:
    """An experiment.

    Attributes:
        name: as the command has it.
        columns: of its CSV.
        settings: the type of its settings.
        run: makes its rows.
        shown: columns that the command prints; all by default.
        require_fit: raises InvalidInputError where settings do not fit a model.
    """

    name: str
    columns: Sequence[str]
    settings: type[ExperimentSettings]
    run: Callable[[Material, Any], Iterator[Row]]
    shown: Sequence[str] = ()
    require_fit: Callable[[Any, ModelInfo], None] | None = None


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(fig2.NAME, fig2.COLUMNS, fig2.Fig2Settings, fig2.run),
        Experiment(fig3.NAME, fig3.COLUMNS, fig3.Fig3Settings, fig3.run, fig3.SHOWN, fig3.require_fit),
        Experiment(table1.NAME, table1.COLUMNS, DatabaseSettings, table1.run, table1.SHOWN),
        Experiment(beyond.NAME, beyond.COLUMNS, DatabaseSettings, beyond.run),
        Experiment(
            ablation.NAME, ablation.COLUMNS, ablation.AblationSettings, ablation.run, ablation.COLUMNS[:8]
        ),
        Experiment(decoding.NAME, decoding.COLUMNS, decoding.DecodingSettings, decoding.run),
    )
}


def settings_of(name: str, path: Path | None, **chosen: object) -> ExperimentSettings:
    """An experiment's settings, with what was chosen (and is not None) put over them.

    Raises:
        InvalidInputError: the settings are not what the experiment expects.
    """
    return load_settings(EXPERIMENTS[name].settings, name, path, **chosen)


def run_experiment(
    name: str,
    material: Material,
    settings: ExperimentSettings,
    origin: Origin,
    out: Path,
    file_name: str | None = None,
) -> list[Row]:
    """Write out/NAME.csv, row by row, and out/NAME.json at the end.

    Args:
        name: of the experiment.
        material: benchmark and features.
        settings: of the experiment.
        origin: where the material comes from.
        out: folder.
        file_name: NAME; the experiment's own by default.
    """
    file_name = file_name or name
    watch = Stopwatch()
    experiment = EXPERIMENTS[name]
    rows: list[Row] = []
    for row in experiment.run(material, settings):
        rows.append(row)  # written at once: a long run that is stopped leaves what it has
        write_csv(out / f"{file_name}.csv", rows, experiment.columns)
    simulated = sorted({int(row["simulated"]) for row in rows})
    data = describe_data(
        material.benchmark, material.features, origin.ground_truth, origin.distractors, simulated
    )
    record = {
        "experiment": name,
        "settings": settings.model_dump(mode="json"),
        "data": asdict(data),
        "backbone": origin.backbone,
        "versions": versions(),
        "hardware": hardware(),
        "wall_s": round(watch.seconds(), 1),
        "peak_memory_bytes": peak_memory_bytes(),
    }
    write_json(out / f"{file_name}.json", record)
    return rows
