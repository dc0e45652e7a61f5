"""Any experiment by name: its settings, its rows as CSV, and where they come from as JSON."""

from dataclasses import asdict
from pathlib import Path

from dsc_eval.experiments import ablation, beyond, compare, decoding, fig2, fig3, table1
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.experiments.provenance import Stopwatch, describe_data, hardware, peak_memory_bytes, versions
from dsc_eval.experiments.settings import ExperimentSettings, load_settings
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance
from dsc_eval.output import Row, write_csv, write_json

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (compare, fig2, fig3, table1, beyond, ablation, decoding)
}


def settings_of(name: str, path: Path | None, **chosen: object) -> ExperimentSettings:
    """An experiment's settings, with what was chosen (and is not None) put over them.

    Raises:
        InvalidInputError: the settings are not what the experiment expects.
    """
    return load_settings(EXPERIMENTS[name].settings, name, path, **chosen)


def run_experiment(
    name: str,
    data: BenchmarkData,
    settings: ExperimentSettings,
    provenance: Provenance,
    out: Path,
    file_name: str | None = None,
) -> list[Row]:
    """Write out/NAME.csv, row by row, and out/NAME.json at the end; return the rows.

    Args:
        name: of the experiment.
        data: benchmark and features.
        settings: of the experiment.
        provenance: where the data comes from.
        out: folder.
        file_name: NAME; the experiment's `file_name` by default.
    """
    experiment = EXPERIMENTS[name]
    file_name = file_name or experiment.file_name or name
    watch = Stopwatch()
    rows: list[Row] = []
    for row in experiment.run(data, settings):
        rows.append(row)  # written at once: a long run that is stopped leaves what it has
        write_csv(out / f"{file_name}.csv", rows, experiment.columns)
    simulated = sorted({int(row.get("simulated", 0)) for row in rows})
    source = describe_data(
        data.benchmark, data.features, provenance.ground_truth, provenance.distractors, simulated
    )
    record = {
        "experiment": name,
        "settings": settings.model_dump(mode="json"),
        "data": asdict(source),
        "backbone": provenance.backbone,
        "versions": versions(),
        "hardware": hardware(),
        "wall_s": round(watch.seconds(), 1),
        "peak_memory_bytes": peak_memory_bytes(),
    }
    write_json(out / f"{file_name}.json", record)
    return rows
