"""Tables of the benchmarks of speed, from their JSON; a run NAME-before beside NAME."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from math import isinf
from pathlib import Path
from typing import Any

from dsc_eval.bench.record import read_runs
from dsc_eval.bench.same_accuracy import NEVER, TOLERANCE
from dsc_eval.tables.markdown import code, table

ALL = "all"
Point = Mapping[str, Any]
Key = Callable[[Point], Hashable]


def search(folder: Path) -> str:
    """Both curves of every database and SNR, from search.json."""
    before = _before(folder, "search", _point)
    header = ("images", "SNR", "system", "setting", "candidates", "mAP", *_before_heading(before, "ms"))
    lines = [
        [
            f"{row['database']:,}",
            _snr(row["snr_db"]),
            row["system"],
            row["setting"],
            f"{row['candidates']:,.0f}",
            f"{row['mAP']:.3f}",
            *_before_cells(before, _point(row), "ms"),
            f"{row['ms']:.3g}",
            f"{row['ms_p90']:.3g}",
            f"{row['per_second']:,.0f}",
            row["rival"] if row["rival"] == NEVER else f"{row['rival']:,.0f}",
        ]
        for row in _rows(folder, "search")
    ]
    return table((*header, "ms", "p90", "queries/s", "other side as accurate, queries/s"), lines)


def ahead(folder: Path) -> str:
    """Our default beside the fastest points that are as accurate: ours, and those of Faiss."""
    before = _before(folder, "search", _point)
    rows = _rows(folder, "search")
    lines = []
    for default in (row for row in rows if row["setting"] == "default"):
        point = default["database"], default["snr_db"]
        rivals = [row for row in rows if (row["database"], row["snr_db"]) == point]
        least = float(default["mAP"]) - TOLERANCE
        found = [_fastest(rivals, name, least) for name in (default["system"], "faiss IVFPQ")]
        lines.append(
            [
                f"{default['database']:,}",
                _snr(default["snr_db"]),
                f"{default['mAP']:.3f}",
                *_before_cells(before, _point(default), "ms"),
                *(f"{default[column]:.3g}" for column in ("ms", "ms_p90")),
                *found,
            ]
        )
    times = (*_before_heading(before, "ms"), "ms", "p90")
    return table(("images", "SNR", "mAP", *times, "our fastest as accurate", "fastest of Faiss"), lines)


def _point(row: Point) -> Hashable:
    return row["database"], row["snr_db"], row["system"], row["setting"]


def _fastest(rows: Sequence[Point], system: str, least: float) -> str:
    """The fastest point of a system with at least this mAP, or its most accurate one."""
    of_system = [row for row in rows if row["system"] == system]
    accurate = [row for row in of_system if float(row["mAP"]) >= least]
    if accurate:
        best = min(accurate, key=lambda row: float(row["ms"]))
        return f"{best['ms']:.3g} ms, {best['setting']}"
    best = max(of_system, key=lambda row: float(row["mAP"]))
    return f"never; mAP {best['mAP']:.3f} in {best['ms']:.3g} ms, {best['setting']}"


def growth(folder: Path) -> str:
    """Milliseconds of a query by number of images, from growth.json."""
    key: Key = lambda row: (row["database"], row["snr_db"])  # noqa: E731
    before = _before(folder, "growth", key)
    lines = [
        [
            f"{row['database']:,}",
            _snr(row["snr_db"]),
            f"{row['candidates']:,.0f}",
            *_before_cells(before, key(row), "ms"),
            f"{row['ms']:.3g}",
            f"{row['ms_p90']:.3g}",
        ]
        for row in _rows(folder, "growth")
    ]
    return table(("images", "SNR", "candidates", *_before_heading(before, "ms"), "ms", "p90"), lines)


def decode(folder: Path) -> str:
    """Milliseconds of one packet, and of its steps, from decode.json."""
    key: Key = lambda row: (row["database"], row["receiver"], row["snr_db"])  # noqa: E731
    before = _before(folder, "decode", key, lambda row: row["step"] == ALL)
    rows = _rows(folder, "decode")
    steps = [step for step in dict.fromkeys(row["step"] for row in rows) if step != ALL]
    times = {(key(row), row["step"]): row["ms"] for row in rows}
    lines = [
        [
            f"{row['database']:,}",
            code(row["receiver"]),
            _snr(row["snr_db"]),
            *_before_cells(before, key(row), "ms"),
            f"{row['ms']:.2f}",
            f"{row['ms_p90']:.2f}",
            *(f"{times[key(row), step]:.2f}" for step in steps),
        ]
        for row in rows
        if row["step"] == ALL
    ]
    return table(("images", "receiver", "SNR", *_before_heading(before, "ms"), "ms", "p90", *steps), lines)


def build(folder: Path) -> str:
    """Seconds of an index by phase, and of sub-codebooks with their error, from build.json."""
    key: Key = lambda row: (row["database"], row["part"], row["system"], row["phase"])  # noqa: E731
    before = _before(folder, "build", key)
    lines = [
        [
            f"{row['database']:,}",
            row["part"],
            row["system"],
            row["phase"],
            *_before_cells(before, key(row), "s"),
            f"{row['s']:.2f}",
            f"{row['s_min']:.2f}–{row['s_max']:.2f}",
            f"{row['error']:.5f}" if "error" in row else "",
        ]
        for row in _rows(folder, "build")
    ]
    heading = ("images", "part", "system", "phase", *_before_heading(before, "s"), "s", "range", "error")
    return table(heading, lines)


def serve(folder: Path) -> str:
    """Requests per second and latency by number of clients, from serve.json."""
    key: Key = lambda row: (row["database"], row["snr_db"], row["clients"], row["call"])  # noqa: E731
    before = _before(folder, "serve", key)
    lines = [
        [
            f"{row['database']:,}",
            _snr(row["snr_db"]),
            f"{row['clients']:,}",
            row["call"],
            *_before_cells(before, key(row), "per_second", ",.0f"),
            f"{row['per_second']:,.0f}",
            f"{row['per_second_min']:,.0f}–{row['per_second_max']:,.0f}",
            f"{row['of_empty']:.0%}",
            *(f"{row[name]:.3g}" if row[name] != "" else "" for name in ("p50_ms", "p99_ms")),
            f"{row['server_cpu_ms']:.2f}",
            f"{row['generator_busy']:.0%}",
        ]
        for row in _rows(folder, "serve")
    ]
    rates = (*_before_heading(before, "requests/s"), "requests/s", "range", "of empty calls")
    times = ("p50 in ms", "p99 in ms", "server CPU in ms", "generator busy")
    return table(("images", "SNR", "clients", "call", *rates, *times), lines)


def extract(folder: Path) -> str:
    """Photos per second by kind, from extract.json."""
    key: Key = lambda row: row["kind"]  # noqa: E731
    before = _before(folder, "extract", key)
    lines = [
        [
            code(row["kind"]),
            f"{row['width']} × {row['height']}",
            *_before_cells(before, key(row), "per_second", ".1f"),
            f"{row['per_second']:.1f}",
            f"{row['per_second_min']:.1f}–{row['per_second_max']:.1f}",
            *(f"{row[name]:.1f}" for name in ("decode_cpu_ms", "network_cpu_ms", "limit")),
            f"{row['efficiency']:.0%}",
        ]
        for row in _rows(folder, "extract")
    ]
    rates = (*_before_heading(before, "photos/s"), "photos/s", "range")
    steps = ("decoding in CPU ms", "network in CPU ms", "limit in photos/s", "efficiency")
    return table(("kind", "pixels", *rates, *steps), lines)


def _rows(folder: Path, name: str) -> Sequence[Point]:
    return sorted(read_runs(folder, name)[name]["rows"], key=lambda row: row.get("database", 0))


def _before(
    folder: Path, name: str, key: Key, taken: Callable[[Point], bool] = lambda _: True
) -> dict[Hashable, Point]:
    """Rows of the run NAME-before by key; empty where there is none."""
    runs = read_runs(folder, name)
    rows = runs[f"{name}-before"]["rows"] if f"{name}-before" in runs else ()
    return {key(row): row for row in rows if taken(row)}


def _before_heading(before: Mapping[Hashable, Point], unit: str) -> list[str]:
    return [f"{unit} before"] if before else []


def _before_cells(
    before: Mapping[Hashable, Point], key: Hashable, column: str, form: str = ".3g"
) -> list[str]:
    if not before:
        return []
    return [f"{before[key][column]:{form}}" if key in before else ""]


def _snr(snr_db: float | str) -> str:
    return "no noise" if isinf(float(snr_db)) else f"{float(snr_db):g} dB"
