"""Any experiment by name: its settings, its rows as CSV, and where they come from as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_common.files.lock import locked
from dsc_eval.experiments import ablation, beyond, compare, decoding, fig2, fig3, table1
from dsc_eval.experiments.comparing import paired_columns, paired_rows, seed_columns, seed_rows
from dsc_eval.experiments.experiment import Experiment
from dsc_eval.experiments.merging import EARLIER, earlier_rows, earlier_runs, merged
from dsc_eval.experiments.provenance import (
    Stopwatch,
    code_hash,
    describe_data,
    hardware,
    peak_memory_bytes,
    versions,
)
from dsc_eval.experiments.resuming import is_measured, sha256_of, with_simulated
from dsc_eval.experiments.settings import ExperimentSettings, load_settings
from dsc_eval.offline.benchmark_data import BenchmarkData, Provenance
from dsc_eval.output import Row, write_csv, write_json

DataSets = Sequence[tuple[BenchmarkData, Provenance]]

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


def run_on_sets(
    name: str,
    sets: DataSets,
    settings: ExperimentSettings,
    out: Path,
    file_name: str | None = None,
    *,
    append: bool = False,
    resume: bool = False,
) -> list[Row]:
    """Write out/NAME.csv, row by row, and out/NAME.json at the end; return the rows.

    Where rows have a mAP, NAME.paired.csv compares them over the same queries. With several seeds of the
    index, NAME.csv has the rows of the first, and NAME.seeds.csv mean and spread.

    Args:
        name: of the experiment.
        sets: data sets: benchmark and features, and where they come from.
        settings: of the experiment.
        out: folder.
        file_name: NAME; the experiment's `file_name` by default.
        append: keep the rows of an earlier run that are not measured again, and its description.
        resume: measure nothing if the files are those of such a run, of the same code and data; no rows then.

    Raises:
        InvalidInputError: another run is writing these files, earlier rows do not fit, or two data sets have
            the same name.
    """
    names = [data.benchmark.name for data, _ in sets]
    if len(set(names)) < len(names):
        raise InvalidInputError(f"expected data sets of different names, got {', '.join(names)}")
    file_name = file_name or EXPERIMENTS[name].file_name or name
    out.mkdir(parents=True, exist_ok=True)
    busy = f"another run is writing {out / file_name}.csv; --name writes another file"
    with locked(out / f".{file_name}.lock", busy):
        identity = _identity(name, sets, settings)
        if resume and is_measured(identity, out, file_name):
            return []
        return _run_and_write(EXPERIMENTS[name], sets, settings, identity, out, file_name, append)


def _run_and_write(
    experiment: Experiment,
    sets: DataSets,
    settings: ExperimentSettings,
    identity: Mapping[str, object],
    out: Path,
    file_name: str,
    append: bool,
) -> list[Row]:
    table, description = out / f"{file_name}.csv", out / f"{file_name}.json"
    kept = earlier_rows(table, experiment, [data.source for data, _ in sets]) if append else []
    runs_before = earlier_runs(description) if append else []
    watch = Stopwatch()
    # What describes an earlier CSV does not describe this one, even if the run is stopped.
    for path in (description, *(out / f"{file_name}.{kind}.csv" for kind in ("seeds", "paired"))):
        path.unlink(missing_ok=True)
    if runs_before:  # their rows stay, even then
        write_json(description, {EARLIER: runs_before})
    rows: list[Row] = []
    for row in _rows(experiment, sets, settings):
        rows.append(row)  # written at once: a long run that is stopped leaves what it has
        write_csv(table, merged(kept, rows, experiment) if kept else rows, experiment.columns)
    beside = _write_beside(experiment, sets, settings, rows, out / file_name)
    simulated = sorted({int(row.get("simulated", 0)) for row in rows})
    record = {
        **with_simulated(identity, simulated),
        "hardware": hardware(),
        "wall_s": round(watch.seconds(), 1),
        "peak_memory_bytes": peak_memory_bytes(),
        "rows": len(rows),
        "csv_sha256": sha256_of(table),
        "beside_sha256": {path.name: sha256_of(path) for path in beside},
    }
    write_json(description, record | ({EARLIER: runs_before} if runs_before else {}))
    return rows


def _identity(name: str, sets: DataSets, settings: ExperimentSettings) -> dict[str, object]:
    """What decides a run's numbers: experiment, settings, data, network, versions and code."""
    sources = [
        asdict(describe_data(data.benchmark, data.features, origin.ground_truth, origin.distractors))
        for data, origin in sets
    ]
    return {
        "experiment": name,
        "settings": settings.model_dump(mode="json"),
        "data": sources[0] if len(sources) == 1 else sources,
        "backbone": ", ".join(dict.fromkeys(origin.backbone for _, origin in sets)),
        "versions": versions(),
        "code_sha256": code_hash(),
    }


def _rows(experiment: Experiment, sets: DataSets, settings: ExperimentSettings) -> Iterator[Row]:
    for data, _ in sets:
        yield from experiment.run(data, settings)


def _write_beside(
    experiment: Experiment,
    sets: DataSets,
    settings: ExperimentSettings,
    rows: list[Row],
    stem: Path,
) -> list[Path]:
    """Write NAME.seeds.csv and NAME.paired.csv, each where it has rows."""
    if not experiment.compared:
        return []
    first = settings.of_index
    others = [settings.model_copy(update={"index_seed": first + more}) for more in range(1, settings.seeds)]
    runs = [rows, *(list(_rows(experiment, sets, other)) for other in others)]
    spread: list[Row] = []
    paired: list[Row] = []
    for data, _ in sets:
        of_set = [[row for row in run if row["dataset"] == data.benchmark.name] for run in runs]
        if len(runs) > 1:
            spread += seed_rows(experiment, of_set, first)
        paired += paired_rows(experiment, of_set, data, settings.seed)
    paths = []
    if spread:
        paths.append(stem.with_name(f"{stem.name}.seeds.csv"))
        write_csv(paths[-1], spread, seed_columns(experiment))
    if paired:
        paths.append(stem.with_name(f"{stem.name}.paired.csv"))
        write_csv(paths[-1], paired, paired_columns(experiment))
    return paths
