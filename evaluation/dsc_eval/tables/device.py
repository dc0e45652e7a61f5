"""Tables of a device: a photo by step, start and memory, reading of large files, energy over the air."""

from collections.abc import Iterator
from pathlib import Path

from dsc_eval.bench import device, energy, reading
from dsc_eval.bench.record import Record, read_record
from dsc_eval.reading import names_of_runs
from dsc_eval.tables.markdown import code, table


def photos(folder: Path) -> str:
    """Milliseconds of a photo by step, from device.json and device-….json."""
    lines = [
        [
            *_of(row),
            f"{row['file_kb']:,.0f}",
            *(f"{row[f'{step}_ms']:.3g}" for step in device.TIMES),
            f"{row['photo_ms']:.3g}",
        ]
        for record in _records(folder, device.NAME)
        for row in record["rows"]
    ]
    return table(("images", "scheme", "photo", "kB", *device.TIMES, "all"), lines)


def needs(folder: Path) -> str:
    """Start, memory and coding, from the same files; the limit is that of the control group."""
    lines = []
    for record in _records(folder, device.NAME):
        limit = record["settings"]["memory_mb"]
        lines += [
            [
                *_of(row),
                "none" if limit is None else f"{limit:,} MB",
                f"{row['start_s']:.2f}",
                f"{row['peak_mb_max']:.0f}",
                *(f"{row[name]:.2f}" for name in ("coding_ms", "coding_ms_p90", "coding_new_ms")),
            ]
            for row in record["rows"]
        ]
    columns = ("limit", "start s", "peak MB", "coding ms", "p90", "first time")
    return table(("images", "scheme", "photo", *columns), lines)


def readings(folder: Path) -> str:
    """Time and mAP by way of reading, from reading.json and reading-….json."""
    lines = [
        [
            str(row["dataset"]),
            code(str(row["scheme"])),
            str(row["reading"]),
            f"{row['ms']:.0f}",
            f"{row['cosine']:.4f}",
            f"{row['mAP']:.4f}",
            f"{row['difference']:+.4f}",
            f"{row['difference_low']:+.4f} to {row['difference_high']:+.4f}",
        ]
        for record in _records(folder, reading.NAME)
        for row in record["rows"]
    ]
    header = ("data set", "scheme", "reading", "CPU ms", "cosine", "mAP", "less `whole`", "95 % interval")
    return table(header, lines)


def energies(folder: Path) -> str:
    """Energies in dB above σ² by SNR, from energy.json."""
    lines = [
        [
            f"{float(row['snr_db']):g} dB",
            f"{row['energy_db']:.1f}",
            f"{row['jpeg_same_uses_db']:,.0f}",
            f"{row['jpeg_uses']:,}",
            f"{row['jpeg_same_snr_db']:.1f}",
            f"{row['jpeg_any_uses_db']:.1f}",
        ]
        for record in _records(folder, energy.NAME)
        for row in record["rows"]
    ]
    header = ("SNR", "packet", "file, same uses", "uses of the file", "file, same SNR", "file, any uses")
    return table(header, lines)


def _of(row: Record) -> list[str]:
    return [f"{row['database']:,}", code(str(row["scheme"])), code(str(row["kind"]))]


def _records(folder: Path, name: str) -> Iterator[Record]:
    """NAME.json, and each NAME-….json."""
    for run in names_of_runs(folder, name, ".json"):
        yield read_record(folder / f"{run}.json", name)
