"""Tables of networks side by side: int8 variants, from int8.json, and backbones, from backbones.json."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsc_eval.bench.record import Record, read_record
from dsc_eval.models.networks import NAME
from dsc_eval.tables.markdown import code, table

FILE, BACKBONES_FILE = "int8.json", "backbones.json"


def costs(folder: Path) -> str:
    """A line per network: size, time, memory, and how close its features and labels are."""
    first = {row["network"]: row for row in reversed(_rows(folder))}
    lines = [
        [
            code(name),
            f"{row['size_mb']:.1f}",
            f"{row['network_cpu_ms']:.0f}",
            f"{row['peak_mb']:.0f}",
            *_closeness(row),
        ]
        for name, row in reversed(first.items())
    ]
    header = (
        "network",
        "MB",
        "ms of a photo",
        "peak memory, MB",
        "cosine",
        "least cosine",
        "same first label",
    )
    return table(header, lines)


def _closeness(row: dict[str, Any]) -> list[str]:
    if "cosine" not in row:  # of another backbone than the first network
        return ["", "", ""]
    return [f"{row['cosine']:.4f}", f"{row['cosine_min']:.3f}", f"{100 * row['same_label']:.0f} %"]


def losses(folder: Path) -> str:
    """A line per data set, scheme, and networks of query and database."""
    lines = [
        [
            f"{row['dataset']} ({row['queries']} queries)",
            code(row["scheme"]),
            code(row["network"]),
            code(row["database_network"]),
            f"{row['mAP']:.4f}",
            f"{row['loss']:.4f}" if other else "",
            f"{row['loss_low']:.4f} to {row['loss_high']:.4f}" if other else "",
        ]
        for row in _rows(folder)
        for other in [row["network"] != row["database_network"] or row["loss"] != 0]
    ]
    return table(("data", "scheme", "query", "database", "mAP", "loss", "95 %"), lines)


def backbones(folder: Path) -> str:
    """A line per network: cost, and for each data set and scheme the mAP with a database of that network."""
    rows = [row for row in _rows(folder, BACKBONES_FILE) if row["network"] == row["database_network"]]
    columns = list(dict.fromkeys((row["dataset"], row["scheme"]) for row in rows))
    lines = []
    for name in dict.fromkeys(row["network"] for row in rows):
        of_network = {(row["dataset"], row["scheme"]): row for row in rows if row["network"] == name}
        cost = of_network[columns[0]]
        lines.append(
            [
                code(name),
                *(f"{cost[key]:.{digits}f}" for key, digits in (("size_mb", 1), ("network_cpu_ms", 0))),
                f"{cost['peak_mb']:.0f}",
                *(f"{of_network[column]['mAP']:.4f}" for column in columns),
            ]
        )
    header = (f"{dataset}, {code(scheme)}" for dataset, scheme in columns)
    return table(("network", "MB", "ms of a photo", "peak memory, MB", *header), lines)


def backbone_gains(folder: Path) -> str:
    """A line per data set, scheme and further network: what its mAP is above that of the first network."""
    lines = [
        [
            f"{row['dataset']} ({row['queries']} queries)",
            code(row["scheme"]),
            code(row["network"]),
            f"{-row['loss']:+.4f}",
            f"{-row['loss_high']:+.4f} to {-row['loss_low']:+.4f}",
            f"{row['p']:.3f}",
        ]
        for row in _rows(folder, BACKBONES_FILE)
        if row["network"] == row["database_network"] and row["loss"] != 0
    ]
    return table(("data", "scheme", "network", "gain", "95 %", "p"), lines)


def _rows(folder: Path, file: str = FILE) -> Sequence[dict[str, Any]]:
    record: Record = read_record(folder / file, NAME)
    rows: Sequence[dict[str, Any]] = record["rows"]
    return rows
