"""Tables of networks side by side, from int8.json: what they cost, and the mAP that queries lose."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsc_eval.bench.record import Record, read_record
from dsc_eval.models.networks import NAME
from dsc_eval.tables.markdown import code, table

FILE = "int8.json"


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


def _rows(folder: Path) -> Sequence[dict[str, Any]]:
    record: Record = read_record(folder / FILE, NAME)
    rows: Sequence[dict[str, Any]] = record["rows"]
    return rows
