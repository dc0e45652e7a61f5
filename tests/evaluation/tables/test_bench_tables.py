"""Tables of benchmarks: a line for each row, and a column for an earlier run."""

from collections.abc import Sequence
from pathlib import Path

from dsc_eval.output import Row, write_json
from dsc_eval.tables.catalogue import TABLES


def _write(folder: Path, name: str, bench: str, rows: Sequence[Row]) -> None:
    write_json(folder / f"{name}.json", {"benchmark": bench, "rows": list(rows)})


def test_the_table_of_the_search_has_both_curves(tmp_path: Path) -> None:
    base: Row = {"database": 1314, "candidates": 1234.5, "ms_p90": 5.4321}
    rows: list[Row] = [
        base
        | {"snr_db": float("inf"), "system": "dsc", "setting": "default", "mAP": 0.99}
        | {"ms": 2.3456, "per_second": 400.0, "rival": "never", "ahead": ""},
        base
        | {"snr_db": 0.0, "system": "faiss IVFPQ", "setting": "nprobe 5", "mAP": 0.9}
        | {"ms": 1.5, "per_second": 600.0, "rival": 1200.25, "ahead": 0.5},
    ]
    _write(tmp_path, "search", "search", rows)
    header, rule, *lines = TABLES["bench-search"](tmp_path).splitlines()
    assert "before" not in header
    assert header.count("|") == rule.count("|")
    assert lines == [
        "| 1,314 | no noise | dsc | default | 1,234 | 0.990 | 2.35 | 5.43 | 400 | never |",
        "| 1,314 | 0 dB | faiss IVFPQ | nprobe 5 | 1,234 | 0.900 | 1.5 | 5.43 | 600 | 1,200 |",
    ]
    _write(tmp_path, "search-before", "search", [rows[0] | {"ms": 17.0}])
    header, _, *lines = TABLES["bench-search"](tmp_path).splitlines()
    assert header.startswith("| images | SNR | system | setting | candidates | mAP | ms before | ms |")
    assert "| 0.990 | 17 | 2.35 |" in lines[0]
    assert "| 0.900 |  | 1.5 |" in lines[1]  # a point that was not measured before


def test_who_is_ahead_is_the_fastest_point_that_is_as_accurate(tmp_path: Path) -> None:
    def row(system: str, setting: str, accuracy: float, ms: float, snr_db: float) -> Row:
        return {"database": 1314, "snr_db": snr_db, "system": system, "setting": setting} | {
            "mAP": accuracy, "ms": ms, "ms_p90": 2 * ms,
        }  # fmt: skip

    rows = [
        row("dsc", "default", 0.98, 3.0, 0.0),
        row("dsc", "20 listed", 0.97, 1.0, 0.0),
        row("dsc", "300 listed", 0.9795, 2.0, 0.0),
        row("faiss IVFPQ", "nprobe 1", 0.5, 0.1, 0.0),
        row("faiss IVFPQ", "nprobe 6", 0.981, 0.7, 0.0),
        row("faiss IVFPQ", "nprobe 9", 0.982, 0.9, 0.0),
        row("dsc", "default", 0.99, 1.5, 10.0),
        row("faiss IVFPQ", "nprobe 1", 0.9, 0.1, 10.0),
        row("faiss IVFPQ", "nprobe 6", 0.95, 0.8, 10.0),
    ]
    _write(tmp_path, "search", "search", rows)
    _write(tmp_path, "search-before", "search", [rows[0] | {"ms": 30.0}])
    assert TABLES["bench-ahead"](tmp_path).splitlines()[2:] == [
        "| 1,314 | 0 dB | 0.980 | 30 | 3 | 6 | 2 ms, 300 listed | 0.7 ms, nprobe 6 |",
        "| 1,314 | 10 dB | 0.990 |  | 1.5 | 3 | 1.5 ms, default | never; mAP 0.950 in 0.8 ms, nprobe 6 |",
    ]


def test_the_table_of_growth_has_a_line_for_each_database(tmp_path: Path) -> None:
    rows: list[Row] = [
        {"database": 1314, "snr_db": 0.0, "candidates": 1314.0, "ms": 1.25, "ms_p90": 2.5},
        {"database": 10_001_314, "snr_db": float("inf"), "candidates": 560450.6, "ms": 41.7, "ms_p90": 60},
    ]
    _write(tmp_path, "growth", "growth", rows)
    assert TABLES["bench-growth"](tmp_path).splitlines()[2:] == [
        "| 1,314 | 0 dB | 1,314 | 1.25 | 2.5 |",
        "| 10,001,314 | no noise | 560,451 | 41.7 | 60 |",
    ]


def test_the_table_of_decoding_has_a_column_for_each_step(tmp_path: Path) -> None:
    base: Row = {"database": 1314, "receiver": "joint", "snr_db": 10.0}
    rows: list[Row] = [
        base | {"step": "all", "ms": 2.0, "ms_p90": 3.0},
        base | {"step": "head", "ms": 1.5},
        base | {"step": "codes", "ms": 0.5},
    ]
    _write(tmp_path, "decode", "decode", rows)
    _write(tmp_path, "decode-before", "decode", [row | {"ms": 9.0} for row in rows])
    assert TABLES["bench-decode"](tmp_path).splitlines() == [
        "| images | receiver | SNR | ms before | ms | p90 | head | codes |",
        "|---|---|---|---|---|---|---|---|",
        "| 1,314 | `joint` | 10 dB | 9 | 2.00 | 3.00 | 1.50 | 0.50 |",
    ]


def test_the_table_of_building_has_errors_where_there_are_any(tmp_path: Path) -> None:
    base: Row = {"database": 106314, "s": 12.0, "s_min": 11.0, "s_max": 13.5, "runs": 3}
    rows: list[Row] = [
        base | {"part": "index", "system": "dsc", "phase": "all"},
        base | {"part": "sub-codebooks", "system": "dsc-pq", "phase": "words", "error": 0.123456},
    ]
    _write(tmp_path, "build", "build", rows)
    assert TABLES["bench-build"](tmp_path).splitlines()[2:] == [
        "| 106,314 | index | dsc | all | 12.00 | 11.00–13.50 |  |",
        "| 106,314 | sub-codebooks | dsc-pq | words | 12.00 | 11.00–13.50 | 0.12346 |",
    ]


def test_the_table_of_serving_has_rates_beside_empty_calls(tmp_path: Path) -> None:
    row: Row = {
        **{"database": 1314, "snr_db": 5.0, "clients": 256, "call": "retrieve", "of_empty": 0.254},
        **{"per_second": 1234.5, "per_second_min": 1200.0, "per_second_max": 1300.0, "p50_ms": 123.456},
        **{"p99_ms": "", "server_cpu_ms": 0.8123, "generator_busy": 0.456},
    }
    _write(tmp_path, "serve", "serve", [row])
    _write(tmp_path, "serve-before", "serve", [row | {"per_second": 234.5}])
    header, _, line = TABLES["bench-serve"](tmp_path).splitlines()
    assert header.startswith("| images | SNR | clients | call | requests/s before | requests/s | range |")
    cells = "1,314 | 5 dB | 256 | retrieve | 234 | 1,234 | 1,200–1,300 | 25% | 123 |  | 0.81 | 46%"
    assert line == f"| {cells} |"


def test_the_table_of_extraction_has_a_line_for_each_kind(tmp_path: Path) -> None:
    row: Row = {
        **{"kind": "png-2mp", "width": 1600, "height": 1200, "efficiency": 0.943, "limit": 26.44},
        **{"per_second": 24.94, "per_second_min": 24.0, "per_second_max": 25.5},
        **{"decode_cpu_ms": 37.1, "network_cpu_ms": 38.56},
    }
    _write(tmp_path, "extract", "extract", [row])
    assert TABLES["bench-extract"](tmp_path).splitlines()[2:] == [
        "| `png-2mp` | 1600 × 1200 | 24.9 | 24.0–25.5 | 37.1 | 38.6 | 26.4 | 94% |",
    ]
