"""Tables with a line per scheme: Table I, the steps beyond the paper, and the time to decode."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_eval.reading import Record, number, read_rows
from dsc_eval.tables.markdown import code, interval, score, table

COLUMNS = (
    *("scheme", "packet_bytes", "simulated", "queries", "mAP", "mAP_low", "mAP_high", "recall"),
    *("candidates", "rank_ms", "build_s", "index_bytes", "codebook_bytes"),
)
DECODING_COLUMNS = ("receiver", "snr_db", "step", "median_ms")
MEGABYTE = 1e6
KS = (1, 10, 100)


def table1(folder: Path, name: str, simulated: int) -> str:
    """Table I from folder/NAME.csv, for one size of the database."""
    rows = [row for row in read_rows(folder / f"{name}.csv", COLUMNS) if int(row["simulated"]) == simulated]
    if not rows:
        raise InvalidInputError(f"expected rows with {simulated} simulated images in {name}.csv, got none")
    queries = max(int(row["queries"]) for row in rows)
    further = further_columns(rows)
    header = (
        *("scheme", "bytes", "mAP", "95 % interval", "recall", *further, "candidates"),
        *("ms", "build, s", "index, MB", "device, MB"),
    )
    return table(header, [_of_table1(row, queries, further) for row in rows])


def further_columns(rows: Sequence[Record]) -> dict[str, str]:
    """Heading → column of Table I's Head, M and R@k, those that every row has: earlier files have none."""
    wanted = {"Head": "head_bytes", "M": "M", **{f"R@{k}": f"R@{k}" for k in KS}}
    return {head: column for head, column in wanted.items() if all(row.get(column) for row in rows)}


def further_cells(row: Record, further: Mapping[str, str]) -> list[str]:
    """Cells of those columns: counts as they are, fractions with three digits."""
    return [
        f"{number(row, column):.3f}" if head.startswith("R@") else row[column]
        for head, column in further.items()
    ]


def _of_table1(row: Record, queries: int, further: Mapping[str, str]) -> list[str]:
    fewer = "" if int(row["queries"]) == queries else f" ({row['queries']} queries)"
    return [
        code(row["scheme"]) + fewer,
        row["packet_bytes"],
        score(row),
        interval(row),
        f"{number(row, 'recall'):.3f}",
        *further_cells(row, further),
        f"{number(row, 'candidates'):,.1f}",
        f"{number(row, 'rank_ms'):.1f}",
        f"{number(row, 'build_s'):.1f}",
        f"{number(row, 'index_bytes') / MEGABYTE:,.1f}",
        f"{number(row, 'codebook_bytes') / MEGABYTE:,.1f}",
    ]


def beyond(folder: Path) -> str:
    """The steps beyond the paper."""
    rows = read_rows(folder / "beyond.csv", COLUMNS)
    lines = [
        [
            f"{code(row['scheme'])}, {row['packet_bytes']} bytes",
            score(row),
            interval(row),
            *_candidates(row),
        ]
        for row in rows
    ]
    return table(("scheme", "mAP", "95 % interval", "recall", "candidates"), lines)


def _candidates(row: Record) -> list[str]:
    return [f"{number(row, 'recall'):.3f}", f"{number(row, 'candidates'):,.1f}"]


def decoding(folder: Path) -> str:
    """Median time to decode and rank one packet, and what each step takes."""
    rows = read_rows(folder / "decoding.csv", DECODING_COLUMNS)
    steps = list(dict.fromkeys(row["step"] for row in rows))
    times: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        point = (row["receiver"], f"{number(row, 'snr_db'):g}")
        times.setdefault(point, []).append(f"{number(row, 'median_ms'):.2f}")
    return table(["receiver", "SNR, dB", *steps], [[*point, *cells] for point, cells in times.items()])
