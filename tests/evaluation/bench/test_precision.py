"""The measurement of precisions on a small data set: bytes, and mAP beside float32."""

import pytest

from dsc_eval.bench.precision import PrecisionSettings, run
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.output import Row

PRECISIONS = ["float32", "float16", "int8"]


def rows_of(data: BenchmarkData, **settings: object) -> list[Row]:
    return list(run(data, PrecisionSettings.model_validate({"schemes": ["dsc-pq"], "seeds": 2, **settings})))


def test_each_precision_has_its_bytes_and_loses_little(data: BenchmarkData) -> None:
    rows = rows_of(data)
    assert [row["precision"] for row in rows] == PRECISIONS
    words = [int(str(row["words_bytes"])) for row in rows]
    assert words == [4 * words[2], 2 * words[2], words[2]]
    assert (rows[0]["map_loss"], rows[0]["largest_map_loss"]) == (0, 0)
    assert all(abs(float(str(row["map_loss"]))) <= 0.05 for row in rows)
    assert all(row["indexes"] == 2 for row in rows)


def test_sizes_alone_are_those_of_an_index(data: BenchmarkData) -> None:
    simulated = 600  # each label has images
    built = rows_of(data, simulate=[simulated], seeds=1)
    counted = rows_of(data, simulate=[simulated], sizes_only=simulated)
    columns = ("precision", "codebook_bytes", "words_bytes", "database", "simulated")
    assert [[row[column] for column in columns] for row in counted] == [
        [row[column] for column in columns] for row in built
    ]
    assert "map" not in counted[0]


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown scheme"):
        PrecisionSettings(schemes=["dsc-qp"])
