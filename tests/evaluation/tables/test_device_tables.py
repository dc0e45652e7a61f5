"""Tables of a device, by hand."""

from pathlib import Path

from dsc_eval.bench.device import TIMES
from dsc_eval.output import Row, write_json
from dsc_eval.tables.catalogue import TABLES


def test_a_photo_by_step_and_what_the_device_needs(tmp_path: Path) -> None:
    row: Row = {"database": 1314, "scheme": "dsc", "kind": "jpeg-1mp", "file_kb": 1234.5, "photo_ms": 123.456}
    row |= {f"{step}_ms": float(place) for place, step in enumerate(TIMES)}
    row |= {"start_s": 0.876, "peak_mb_max": 175.4, "coding_ms": 0.214, "coding_ms_p90": 0.3}
    row |= {"coding_new_ms": 1.5}
    for name, limit in (("device", None), ("device-105k", 512)):
        settings = {"memory_mb": limit}
        write_json(tmp_path / f"{name}.json", {"benchmark": "device", "settings": settings, "rows": [row]})
    header, _, *lines = TABLES["bench-device"](tmp_path).splitlines()
    assert header == f"| images | scheme | photo | kB | {' | '.join(TIMES)} | all |"
    steps = " | ".join(f"{place:d}" for place in range(len(TIMES)))
    assert lines == 2 * [f"| 1,314 | `dsc` | `jpeg-1mp` | 1,234 | {steps} | 123 |"]
    _, _, *lines = TABLES["bench-device-needs"](tmp_path).splitlines()
    assert lines == [
        f"| 1,314 | `dsc` | `jpeg-1mp` | {limit} | 0.88 | 175 | 0.21 | 0.30 | 1.50 |"
        for limit in ("none", "512 MB")
    ]


def test_readings_and_energies(tmp_path: Path) -> None:
    read: Row = {"dataset": "d", "scheme": "dsc", "reading": "reduced", "ms": 34.4, "cosine": 0.99987}
    read |= {"mAP": 0.987654, "difference": -0.00012, "difference_low": -0.001, "difference_high": 0.0}
    write_json(tmp_path / "reading.json", {"benchmark": "reading", "rows": [read]})
    assert TABLES["bench-reading"](tmp_path).splitlines()[2:] == [
        "| d | `dsc` | reduced | 34 | 0.9999 | 0.9877 | -0.0001 | -0.0010 to +0.0000 |"
    ]
    sent: Row = {"snr_db": 5.0, "energy_db": 30.75, "jpeg_same_uses_db": 3441.5, "jpeg_uses": 207371}
    sent |= {"jpeg_same_snr_db": 58.17, "jpeg_any_uses_db": 54.71}
    write_json(tmp_path / "energy.json", {"benchmark": "energy", "rows": [sent]})
    assert TABLES["bench-energy"](tmp_path).splitlines()[2:] == [
        "| 5 dB | 30.8 | 3,442 | 207,371 | 58.2 | 54.7 |"
    ]
