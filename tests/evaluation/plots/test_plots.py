"""Figures are drawn from CSV alone, the same bytes each time."""

import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image
from typer.testing import CliRunner

from dsc_common.errors import InvalidInputError
from dsc_common.radio.modes import Mode
from dsc_eval.experiments.running import EXPERIMENTS
from dsc_eval.main import FIGURES, app
from dsc_eval.output import Row, write_csv
from dsc_eval.plots import fig2, fig3, style
from dsc_eval.plots.catalogue import PLOTS
from dsc_eval.plots.curves import curves_of
from dsc_eval.plots.spread import with_spread
from dsc_eval.plots.style import LOOKS, MODE_LOOKS, RECEIVER_LINES, look
from dsc_eval.reading import grouped, number, read_rows
from dsc_eval.tables.catalogue import TABLES
from dsc_server.receiving.registry import ALIASES, RECEIVERS
from dsc_server.scheme_specs import SCHEMES

SVG = "{http://www.w3.org/2000/svg}"
SAVEFIG = Figure.savefig


@pytest.fixture
def as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """SVG holds its text as text, so that it can be found; no pixels are drawn, which takes as long again."""
    monkeypatch.setitem(style._SETTINGS, "svg.fonttype", "none")

    def paths_alone(figure: Figure, path: Path, **options: Any) -> None:
        if path.suffix == ".svg":
            SAVEFIG(figure, path, **options)

    monkeypatch.setattr(Figure, "savefig", paths_alone)


def example(name: str, simulated: int = 0) -> list[Row]:
    """Rows of an experiment as it might write them; what a figure does not need is 1."""
    base: Row = dict.fromkeys(EXPERIMENTS[name].columns, 1)
    base |= {"database": 100 + simulated, "simulated": simulated}
    if name == "decoding":
        return [
            base | {"scheme": "dsc", "receiver": "hard", "step": step} for step in ("all", "head", "codes")
        ]
    base |= {"mAP": 0.5, "mAP_low": 0.4, "mAP_high": 0.6}
    if name == "fig2":
        heads = [("dsc-pq", 1), ("dsc-pq", 5), ("duc-ivf-raw", 1), ("duc-ivf-raw", 5), ("exhaustive", "")]
        return [base | {"scheme": scheme, "head_labels": t} for scheme, t in heads]
    if name == "fig3":
        points = [(scheme, snr) for scheme in ("dsc-pq", "duc-pq") for snr in (-5.0, 5.0, math.inf)]
        radio: Row = {"mode": "bpsk", "receiver": "hard", "ber": 0.1, "head_error_rate": 0.2, "uses": 376}
        radio |= {"fading": "none", "fec": "none", "head_protection": "channel", "complex_uses": 0}
        return [
            base | radio | {"scheme": scheme, "snr_db": snr, "energy_to_noise_db": snr + 25.75}
            for scheme, snr in points
        ]
    if name == "ablation":
        steps = [("dsc", "hard"), ("dsc", "+ list"), ("dsc-pq", "(ideal head)")]
        return [base | {"of": of, "step": step, "snr_db": snr} for of, step in steps for snr in (0.0, 5.0)]
    return [base | {"scheme": scheme} for scheme in ("dsc", "dsc-pq+spill=3", "exhaustive")]


def test_the_command_offers_the_figures_that_there_are() -> None:
    assert set(FIGURES) == set(PLOTS)


@pytest.mark.parametrize("name", PLOTS)
def test_a_figure_is_png_and_svg_with_the_same_bytes_each_time(name: str, tmp_path: Path) -> None:
    write_csv(tmp_path / f"{name}.csv", example(name), EXPERIMENTS[name].columns)
    result = CliRunner().invoke(app, ["plot", name, "--results", str(tmp_path)])
    assert result.exit_code == 0
    files = [tmp_path / f"{name}.{kind}" for kind in ("png", "svg")]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [f"{name}.csv", *(path.name for path in files)]
    )
    with Image.open(files[0]) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 600
    assert ET.fromstring(files[1].read_text()).tag == f"{SVG}svg"  # noqa: S314 - our own file
    assert b"<dc:date>" not in files[1].read_bytes()
    before = [path.read_bytes() for path in files]
    PLOTS[name](tmp_path)
    assert [path.read_bytes() for path in files] == before


def fig3_rows(**changes: str | int | float) -> list[Row]:
    """Three modes more than fit one row of panels, by two receivers, with the last point flagged."""
    rows = []
    for mode, uses in (
        ("bpsk", 376),
        ("qam16", 94),
        ("hybrid", 376),
        ("analog-pca", 376),
        ("reconstruction", 0),
    ):
        for receiver in ("hard", "default"):
            for snr in (0.0, 10.0, 20.0, math.inf):
                own: Row = {"mode": mode, "receiver": receiver, "snr_db": snr, "uses": uses, "scheme": mode}
                own |= {"packet_bytes": 47, "energy_to_noise_db": snr + 25 if uses else ""}
                own |= {"packet_error_rate": "" if mode in ("hybrid", "analog-pca") else 0.5}
                own |= {"complex_uses": int(mode == "qam16"), "beats_limit": int(not uses)}
                rows.append(example("fig3")[0] | own | changes)
    return rows


@pytest.mark.usefixtures("as_text")
def test_fig3_draws_limits_flags_causes_and_rivals(tmp_path: Path) -> None:
    write_csv(tmp_path / "fig3.csv", fig3_rows(), EXPERIMENTS["fig3"].columns)
    PLOTS["fig3"](tmp_path)
    text = (tmp_path / "fig3.svg").read_text()
    for part in (
        "376 bits in 376 uses: Shannon, 4.8 dB",
        "376 bits in 188 uses: Shannon, 11.8 dB",  # 94 complex ones
        "376 bits in any number of uses: 27.2 dB",
        "better than any code can be",
        "partitions not read",
        "16-QAM, default",
        "noise on the reconstruction, hard",
        "hybrid, hard",
    ):
        assert part in text
    assert text.count("analog, 376 components, default") == 2  # the rivals are in both rows


def test_raw_features_and_codes_of_one_colour_have_other_markers(tmp_path: Path) -> None:
    rows = [
        example("fig3")[0] | {"scheme": scheme, "mode": mode, "snr_db": snr}
        for scheme, mode in (
            ("dsc-raw", "analog"),
            ("duc-ivf-raw", "analog"),
            ("dsc-pq", "bpsk"),
            ("duc-ivf-pq", "bpsk"),
        )
        for snr in (0.0, 5.0)
    ]
    write_csv(tmp_path / "fig3.csv", rows, EXPERIMENTS["fig3"].columns)
    curves = curves_of(read_rows(tmp_path / "fig3.csv", ()))
    looks = [(curve.look.colour, curve.look.marker, curve.hollow) for curve in curves]
    assert len(set(looks)) == 4
    assert [curve.hollow for curve in curves] == [True, True, False, False]


@pytest.mark.usefixtures("as_text")
def test_each_csv_of_fig3_is_a_figure_of_its_own(tmp_path: Path) -> None:
    columns = EXPERIMENTS["fig3"].columns
    write_csv(tmp_path / "fig3.csv", example("fig3"), columns)
    changes = {"fading": "rayleigh", "channel_knowledge": 0, "beats_limit": ""}
    write_csv(tmp_path / "fig3-blind.csv", [row | changes for row in example("fig3")], columns)
    assert [path.name for path in PLOTS["fig3"](tmp_path)] == [
        f"{name}.{kind}" for name in ("fig3", "fig3-blind") for kind in ("png", "svg")
    ]
    assert "rayleigh fading, gains not known to the receiver" in (tmp_path / "fig3-blind.svg").read_text()
    assert "Shannon" not in (tmp_path / "fig3-blind.svg").read_text()  # its limits are without fading
    assert "fading" not in (tmp_path / "fig3.svg").read_text()
    assert "Shannon" in (tmp_path / "fig3.svg").read_text()


@pytest.mark.usefixtures("as_text")
def test_fig3_says_how_many_draws_its_points_have(tmp_path: Path) -> None:
    rows = [row | {"draws": 1 if row["snr_db"] == math.inf else 3} for row in example("fig3")]
    for more, note in (({}, "draws of the noise: 3, "), ({"draws": 15}, "draws of the noise: 3 to 15, ")):
        write_csv(tmp_path / "fig3.csv", [rows[0] | more, *rows[1:]], EXPERIMENTS["fig3"].columns)
        PLOTS["fig3"](tmp_path)
        assert note in (tmp_path / "fig3.svg").read_text()


def test_what_is_written_beside_a_csv_is_no_further_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Figure, "savefig", lambda *_, **__: None)  # their names are enough
    for name in ("fig3", "table1"):
        for stem in (name, f"{name}-more", f"{name}-1.5m"):
            write_csv(tmp_path / f"{stem}.csv", example(name), EXPERIMENTS[name].columns)
            (tmp_path / f"{stem}.paired.csv").write_text("scheme,p\ndsc,0.5\n")
            spread = {"seeds": 2, "mAP_mean": 0.5, "recall_mean": 0.5, "mAP_min": 0.5, "mAP_max": 0.5}
            row = {**example(name)[0], **spread}
            write_csv(tmp_path / f"{stem}.seeds.csv", [row], list(row))
        names = [name, f"{name}-1.5m", f"{name}-more"] if name == "fig3" else [name]
        assert sorted({path.stem for path in PLOTS[name](tmp_path)}) == names


def test_every_mode_and_receiver_has_a_look() -> None:
    assert set(MODE_LOOKS) == set(Mode)
    looks = [(one.colour, one.marker) for one in MODE_LOOKS.values()]
    assert len(set(looks)) == len(looks)
    assert set(RECEIVER_LINES) == {*RECEIVERS, *ALIASES}


@pytest.mark.usefixtures("as_text")
def test_the_axes_are_named_as_in_the_paper(tmp_path: Path) -> None:
    for name, label in (("fig2", "Number of semantic labels in the head"), ("fig3", "SNR (dB)")):
        write_csv(tmp_path / f"{name}.csv", example(name), EXPERIMENTS[name].columns)
        PLOTS[name](tmp_path)
        text = (tmp_path / f"{name}.svg").read_text()
        assert label in text
        assert ">mAP (non-interpolated)<" in text


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.usefixtures("as_text")
def test_data_set_network_queries_and_simulated_images_are_named_in_the_figure(
    name: str, tmp_path: Path
) -> None:
    named = {"dataset": "holidays", "network": "resnet101", "queries": 321}
    rows = [row | named for row in example(name, simulated=2500)]
    write_csv(tmp_path / f"{name}.csv", rows, EXPERIMENTS[name].columns)
    PLOTS[name](tmp_path)
    text = (tmp_path / f"{name}.svg").read_text()
    assert "holidays; resnet101; 321 queries; " in text
    assert "2,600 images, 2,500 of them simulated" in text


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.usefixtures("as_text")
def test_a_csv_from_before_these_columns_is_still_drawn(name: str, tmp_path: Path) -> None:
    later = {"dataset", "network", "groups", "mAP_trapezoidal", "noise_error", "recall_at"}
    columns = [column for column in EXPERIMENTS[name].columns if column not in later]
    rows = [{key: row[key] for key in columns} for row in example(name)]
    write_csv(tmp_path / f"{name}.csv", rows, columns)
    assert len(PLOTS[name](tmp_path)) == 2


@pytest.mark.usefixtures("as_text")
def test_fig2_draws_recall_and_names_the_labels_that_reach_ninety_percent(tmp_path: Path) -> None:
    recalls = {("dsc-pq", 1): 0.5, ("dsc-pq", 5): 0.91, ("dsc-pq", 10): 0.95, ("duc-ivf-pq", 1): 0.89}
    rows = [
        example("fig2")[0] | {"scheme": scheme, "head_labels": t, "recall": recall}
        for (scheme, t), recall in recalls.items()
    ]
    write_csv(tmp_path / "fig2.csv", [*rows, example("fig2")[-1]], EXPERIMENTS["fig2"].columns)
    PLOTS["fig2"](tmp_path)
    text = (tmp_path / "fig2.svg").read_text()
    for part in ("recall of the candidate list", "DSC+PQ: T = 5 for 90%", "DUC-IVF+PQ: below 90%"):
        assert part in text
    assert TABLES["fig2"](tmp_path).splitlines()[2:] == [
        "| `dsc-pq` | 0.500 | 0.910 | 0.950 | 5 |",
        "| `duc-ivf-pq` | 0.890 | – | – | – |",
    ]


@pytest.mark.usefixtures("as_text")
def test_a_table_takes_further_runs_that_lie_beside_it(tmp_path: Path) -> None:
    columns = EXPERIMENTS["table1"].columns
    write_csv(tmp_path / "table1.csv", example("table1"), columns)
    write_csv(tmp_path / "table1-1m.csv", example("table1", simulated=1_000_000), columns)
    PLOTS["table1"](tmp_path)
    text = (tmp_path / "table1.svg").read_text()
    assert "100 images" in text
    assert "1,000,000 of them simulated" in text


@pytest.mark.usefixtures("as_text")
def test_table1_shows_the_columns_of_the_paper_where_every_row_has_them(tmp_path: Path) -> None:
    rows = [row | {"R@10": 0.4321, "M": 2048} for row in example("table1")]
    for rest, there in (({}, True), ({"R@10": "", "M": ""}, False)):
        write_csv(tmp_path / "table1.csv", [*rows[:-1], rows[-1] | rest], EXPERIMENTS["table1"].columns)
        PLOTS["table1"](tmp_path)
        text = (tmp_path / "table1.svg").read_text()
        document = TABLES["table1"](tmp_path)
        assert [part in text for part in ("R@10<", "0.432<", "2048<")] == [there] * 3
        assert [part in document for part in ("| R@10 |", "| 0.432 |", "| 2048 |")] == [there] * 3


@pytest.mark.parametrize("name", ["fig2", "fig3"])
@pytest.mark.usefixtures("as_text")
def test_means_and_ranges_of_several_indexes_are_drawn(name: str, tmp_path: Path) -> None:
    rows = example(name)
    write_csv(tmp_path / f"{name}.csv", rows, EXPERIMENTS[name].columns)
    PLOTS[name](tmp_path)
    alone = (tmp_path / f"{name}.svg").read_text()
    assert "indexes" not in alone
    keys = (fig2 if name == "fig2" else fig3).KEYS
    spread = {"seeds": 5, "mAP_mean": 0.55, "recall_mean": 0.7, "mAP_min": 0.52, "mAP_max": 0.58}
    beside = [{key: row[key] for key in keys} | spread for row in rows[:-1]]
    write_csv(tmp_path / f"{name}.seeds.csv", beside, list(beside[0]))
    PLOTS[name](tmp_path)
    text = (tmp_path / f"{name}.svg").read_text()
    assert "; means and ranges of 5 indexes, intervals of the first" in text
    assert text.count("LineCollection") > alone.count("LineCollection")
    read = read_rows(tmp_path / f"{name}.csv", ())
    joined = with_spread(read, tmp_path / f"{name}.seeds.csv", keys)
    assert [row["mAP"] for row in joined] == ["0.55"] * (len(rows) - 1) + ["0.5"]


def test_every_scheme_has_a_look_of_its_own() -> None:
    assert set(LOOKS) == set(SCHEMES)
    looks = [(one.colour, one.line, one.marker) for one in LOOKS.values()]
    assert len(set(looks)) == len(looks)
    assert look("dsc-pq+spill=3").label == "dsc-pq+spill=3"


def test_a_csv_that_does_not_fit_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "fig2.csv"
    with pytest.raises(InvalidInputError, match="cannot read"):
        PLOTS["fig2"](tmp_path)
    path.write_text("scheme,mAP\ndsc,1\n")
    with pytest.raises(InvalidInputError, match="lacks the column head_labels"):
        PLOTS["fig2"](tmp_path)
    write_csv(path, [], EXPERIMENTS["fig2"].columns)
    with pytest.raises(InvalidInputError, match="holds no rows"):
        PLOTS["fig2"](tmp_path)
    with pytest.raises(InvalidInputError, match="expected a number in the column mAP, got 'x'"):
        number({"mAP": "x"}, "mAP")


def test_rows_read_back_are_the_rows_written(tmp_path: Path) -> None:
    rows = example("fig3")
    write_csv(tmp_path / "fig3.csv", rows, EXPERIMENTS["fig3"].columns)
    read = read_rows(tmp_path / "fig3.csv", EXPERIMENTS["fig3"].columns)
    assert read == [{key: str(value) for key, value in row.items()} for row in rows]
    assert [number(row, "snr_db") for row in read] == [-5, 5, math.inf] * 2
    assert [len(part) for part in grouped(read, lambda row: row["scheme"]).values()] == [3, 3]


def test_an_unknown_figure_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["plot", "fig9", "--results", str(tmp_path)])
    assert isinstance(result.exception, InvalidInputError)
    assert str(result.exception).startswith("unknown figure 'fig9'; expected one of fig2")
