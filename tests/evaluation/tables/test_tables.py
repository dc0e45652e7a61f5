"""Tables of a document: cells by hand, markers, and docs/results.md against results/."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dsc_common.errors import DscError, InvalidInputError
from dsc_eval.main import app
from dsc_eval.output import Row, write_csv
from dsc_eval.reading import read_rows
from dsc_eval.tables.catalogue import TABLES
from dsc_eval.tables.document import fill, fill_file
from dsc_eval.tables.expected import WITHOUT_NOISE, without_noise
from dsc_eval.tables.markdown import table
from dsc_eval.tables.schemes import COLUMNS, decoding, table1
from dsc_eval.tables.snr import curve, heading, points_of

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "results" / "ukbench-439"
DOCUMENT = ROOT / "docs" / "results.md"


def test_the_results_are_up_to_date() -> None:
    fill_file(DOCUMENT, RESULTS, check=True)


def test_every_table_is_in_one_document_once_and_no_table_of_the_results_lacks_markers() -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(DOCUMENT.parent.glob("*.md"))]
    for name in TABLES:
        found = sum(text.count(f"<!-- table: {name} -->") for text in texts)
        assert found == (0 if name == "bench-search" else 1), name  # all points are too many for a page
    by_hand, _ = fill(
        DOCUMENT.read_text(encoding="utf-8"), RESULTS, tables=dict.fromkeys(TABLES, lambda _: "")
    )
    assert not [line for line in by_hand.splitlines() if line.startswith("|")]


def test_a_table_by_hand() -> None:
    assert table(["a", "b"], [["1", ""], ["---", "3"]]) == "| a | b |\n|---|---|\n| 1 |  |\n| --- | 3 |"


def point(snr_db: float, **cells: str | float) -> Row:
    return {"snr_db": snr_db, "mAP": 0.5, "receiver": "hard", **cells}


def test_curves_go_up_in_snr_and_end_without_noise(tmp_path: Path) -> None:
    rows = [point(float("inf"), mAP=0.98765), point(-5.0, mAP=0.04), point(2.5), point(2.5, receiver="soft")]
    write_csv(tmp_path / "a.csv", rows, ("snr_db", "mAP", "receiver"))
    read = read_rows(tmp_path / "a.csv", ())
    assert heading(points_of(read)) == ["-5", "2.5", "no noise"]
    assert curve(read, receiver="hard") == ["0.04", "0.50", "0.99"]
    assert curve(read, ".3f", receiver="hard")[2] == "0.988"
    for receiver in ("soft", "none"):  # with a point alone, and without any
        with pytest.raises(InvalidInputError, match=rf"receiver {receiver}; got [01]$"):
            curve(read, receiver=receiver)
    with pytest.raises(InvalidInputError, match=r"got 4$"):  # two rows for one point
        curve(read)


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfscheme,mAP\r\ndsc,0.5\r\n")
    assert read_rows(tmp_path / "a.csv", ("scheme",)) == [{"scheme": "dsc", "mAP": "0.5"}]


def scheme(**cells: str | float) -> Row:
    base: Row = dict.fromkeys(COLUMNS, 1)
    return base | {"simulated": 0, "queries": 125, **cells}


def test_a_line_of_table1_by_hand(tmp_path: Path) -> None:
    rows = [
        scheme(scheme="dsc", mAP=0.9944, mAP_low=0.98693, mAP_high=0.999333, candidates=1314.04),
        scheme(scheme="exhaustive", queries=40, packet_bytes=5120, index_bytes=5134743344, rank_ms=4897.75),
        scheme(scheme="dsc", simulated=20),
    ]
    write_csv(tmp_path / "table1.csv", rows, COLUMNS)
    assert table1(tmp_path, "table1", 0).splitlines()[2:] == [
        "| `dsc` | 1 | 0.994 | 0.987–0.999 | 1.000 | 1,314.0 | 1.0 | 1.0 | 0.0 | 0.0 |",
        "| `exhaustive` (40 queries) | 5120 | 1.000 | 1.000–1.000 | 1.000 | 1.0 | 4897.8 | 1.0 "
        "| 5,134.7 | 0.0 |",
    ]
    with pytest.raises(InvalidInputError, match=r"^expected rows with 7 simulated images in table1\.csv"):
        table1(tmp_path, "table1", 7)


def test_what_is_expected_is_reached_or_not(tmp_path: Path) -> None:
    obtained = {"duc-ivf-raw": 0.9499, "exhaustive": 0.98, "dsc-pq": 0.5399, "dsc-shared+spill=5": 0.9661}
    rows = [scheme(scheme=name, mAP=obtained.get(name, 1.0)) for _, name, _ in WITHOUT_NOISE]
    for name in ("table1.csv", "beyond.csv"):
        write_csv(tmp_path / name, rows, COLUMNS)
    lines = [line.strip("| ").split(" | ") for line in without_noise(tmp_path).splitlines()[2:]]
    below = {expected for _, expected, _, reached in lines if reached == "no"}
    assert below == {"≥ 0.95", "about 0.55"}  # about: 0.01 less will do


def test_steps_stand_beside_each_other(tmp_path: Path) -> None:
    rows: list[Row] = [
        {"receiver": receiver, "snr_db": 10.0, "step": step, "median_ms": ms}
        for receiver in ("hard", "soft")
        for step, ms in (("all", 2.345), ("head", 1))
    ]
    write_csv(tmp_path / "decoding.csv", rows, ("receiver", "snr_db", "step", "median_ms"))
    assert decoding(tmp_path).splitlines() == [
        "| receiver | SNR, dB | all | head |",
        "|---|---|---|---|",
        "| hard | 10 | 2.35 | 1.00 |",
        "| soft | 10 | 2.35 | 1.00 |",
    ]


TWO = {"one": lambda folder: f"| {folder.name} |", "two": lambda _: "| 2 |"}
START, OTHER, END = "<!-- table: one -->", "<!-- table: two -->", "<!-- end of table -->"


def test_only_what_is_between_markers_changes(tmp_path: Path) -> None:
    text = f"| by hand |\n{START}\n\nold\n\n{END}\ntext\n{OTHER}\n\n| 2 |\n\n{END}\nend"
    filled, changed = fill(text, tmp_path / "new", tables=TWO)
    assert filled == text.replace("old", "| new |")
    assert changed == ["one"]
    assert fill(filled, tmp_path / "new", tables=TWO) == (filled, [])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("no tables", r"^expected pairs of markers around tables in the document, got 0$"),
        (START, "got 1$"),
        (f"{END} {START}", "got 2$"),
        (f"{START} {OTHER} {END}", "got 3$"),
        (f"{START} {END} {END}", "got 3$"),
        (
            "<!-- table: three --> <!-- end of table -->",
            "^unknown table 'three' in the document; expected",
        ),
    ],
)
def test_markers_that_are_wrong_are_told(text: str, line: str) -> None:
    with pytest.raises(InvalidInputError, match=line):
        fill(text, Path(), tables=TWO)


def test_the_command_rewrites_or_checks(tmp_path: Path) -> None:
    document = tmp_path / "doc.md"
    document.write_text(f"before\n<!-- table: beyond -->\n\n| old |\n\n{END}\nafter\n", encoding="utf-8")
    arguments = ["tables", "--results", str(RESULTS), "--document", str(document)]
    old = document.read_text(encoding="utf-8")
    checked = CliRunner().invoke(app, [*arguments, "--check"])
    assert isinstance(checked.exception, DscError)
    assert str(checked.exception) == f"{document} is out of date: expected the table beyond as in {RESULTS}"
    assert document.read_text(encoding="utf-8") == old
    assert CliRunner().invoke(app, arguments).exit_code == 0
    text = document.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- table: beyond -->\n\n| scheme | mAP |")
    assert text.endswith(f"|\n\n{END}\nafter\n")
    assert CliRunner().invoke(app, [*arguments, "--check"]).exit_code == 0


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    document = tmp_path / "doc.md"
    with pytest.raises(InvalidInputError, match=r"^cannot read [^\n]*doc\.md: No such file or directory$"):
        fill_file(document, tmp_path)
    document.write_bytes(b"\xff")
    with pytest.raises(InvalidInputError, match=r"^expected UTF-8 text in"):
        fill_file(document, tmp_path)
    document.write_text(f"<!-- table: beyond -->{END}")
    with pytest.raises(InvalidInputError, match=r"^cannot read [^\n]*beyond\.csv"):
        fill_file(document, tmp_path)
