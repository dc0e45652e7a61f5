"""Fig. 3 and its relatives on a small benchmark: rows against the core's own answers, limits, settings."""

import math
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dsc_channel.transmission import transmit
from dsc_common.benchmark.metrics import mean, score_ranking
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import unpack
from dsc_common.radio.link import LinkSettings
from dsc_common.radio.modes import Mode
from dsc_common.spans import recorded
from dsc_eval.experiments import ablation, compare, decoding, fig3
from dsc_eval.experiments.ablation import AblationSettings, Step
from dsc_eval.experiments.decoding import STEPS, DecodingSettings
from dsc_eval.experiments.fig3 import Fig3Settings
from dsc_eval.experiments.limit_check import beats_limit
from dsc_eval.experiments.running import settings_of
from dsc_eval.main import app
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.companions import COMPANIONS, combinations, companion
from dsc_eval.offline.over_the_air import packets_of, read, send
from dsc_eval.offline.scheme import build_scheme
from dsc_eval.offline.simulate import with_simulated
from dsc_eval.output import Row
from dsc_server.ranking.rank import rank
from dsc_server.receiving.registry import receive
from dsc_server.scheme_specs import parse_scheme
from helpers.small_benchmark import QUERIES, mean_average_precision

ASKED = (
    *("mode", "receiver", "snr_db", "uses", "energy", "draws", "mAP", "mAP_low", "mAP_high", "ber"),
    *("head_error_rate", "head_undetected_rate"),
)


def rows_of(data: BenchmarkData, **settings: object) -> list[Row]:
    return list(fig3.run(data, Fig3Settings.model_validate({"schemes": ["dsc-pq"]} | settings)))


def test_without_noise_it_is_the_table(data: BenchmarkData) -> None:
    settings = Fig3Settings(schemes=["dsc-pq", "duc-pq+M=8"], snr_db=[math.inf], draws=3)
    for row in fig3.run(data, settings):
        assert row["mAP"] == pytest.approx(mean_average_precision(data, str(row["scheme"]), 5), abs=1e-6)
        assert (row["ber"], row["head_error_rate"], row["draws"]) == (0, 0, 1)
        assert row["uses"] == 8 * int(row["packet_bytes"])
        assert row["energy"] == row["uses"]


def test_simulated_images_fill_the_database(data: BenchmarkData) -> None:
    rows = rows_of(data, receivers=["default"], snr_db=[0.0, math.inf], draws=2, simulate=300)
    for row in rows:
        assert (row["database"], row["simulated"]) == (len(data.features.database) + 300, 300)
    filled = replace(data, features=with_simulated(data.features, 300, 0))
    assert rows[1]["mAP"] == pytest.approx(mean_average_precision(filled, "dsc-pq", 5), abs=1e-6)


@pytest.mark.parametrize("receiver", ["hard", "default"])
def test_it_says_what_the_core_says_request_by_request(data: BenchmarkData, receiver: str) -> None:
    settings = Fig3Settings(schemes=["dsc-pq"], receivers=[receiver], snr_db=[4.0], draws=3, seed=11)
    [row] = fig3.run(data, settings)
    scheme = build_scheme(parse_scheme("dsc-pq"), data.features, 5, seed=11)
    precisions = []
    for number, query in enumerate(data.benchmark.queries):
        packet = scheme.pack(data.features.queries[number])
        for draw in range(3):
            link = LinkSettings(snr_db=4.0, seed=11 + draw)
            signals = [transmit(packet, scheme.format, link, f"query-{number}")]
            decoded = receive(scheme.index.summary, signals, "joint" if receiver == "default" else receiver)
            images = rank(scheme.index, decoded, scheme.spec.ranking).images
            precisions.append(score_ranking(images, query.positives, query.junk, ()).average_precision)
    assert row["mAP"] == pytest.approx(mean(precisions), abs=1e-6)
    again = next(iter(fig3.run(data, settings)))
    assert again == row


def test_it_errors_are_those_of_bpsk(data: BenchmarkData) -> None:
    # BER = Q(√SNR) by real channel use; a head of n bits arrives whole with (1 - BER)^n.
    settings = Fig3Settings(schemes=["dsc-pq"], receivers=["hard"], snr_db=[0.0], draws=40)
    [row] = fig3.run(data, settings)
    ber = 0.5 * math.erfc(math.sqrt(0.5))
    bits = int(row["uses"]) * QUERIES * 40
    assert float(row["ber"]) == pytest.approx(ber, abs=4 * math.sqrt(ber * (1 - ber) / bits))
    whole = (1 - ber) ** (5 * 4)
    error = 4 * math.sqrt(whole * (1 - whole) / (QUERIES * 40))
    assert float(row["head_error_rate"]) == pytest.approx(1 - whole, abs=error)


def test_the_first_columns_are_those_that_others_read() -> None:
    assert fig3.COLUMNS[: len(ASKED)] == ASKED
    assert set(fig3.SHOWN) <= set(fig3.COLUMNS)


def test_without_options_a_row_is_known_by_mode_receiver_and_snr(data: BenchmarkData) -> None:
    settings = settings_of("fig3", None)
    assert isinstance(settings, Fig3Settings)
    assert settings.schemes == ["dsc"]
    assert settings.modes == [Mode.BPSK]
    assert settings.receivers == ["hard", "default"]
    assert (min(settings.snr_db), max(settings.snr_db)) == (-20, math.inf)
    modes = [Mode.BPSK, Mode.ANALOG, Mode.RECONSTRUCTION]
    rows = rows_of(
        data,
        schemes=["dsc-pq", "dsc-shared+M=8"],
        modes=modes,
        receivers=["hard", "default"],
        snr_db=[math.inf],
    )
    keys = [(row["scheme"], row["mode"], row["receiver"]) for row in rows]
    assert keys == [
        (scheme, mode, receiver)
        for scheme, mode in (
            ("dsc-pq", "bpsk"),
            ("dsc-raw", "analog"),  # once, for both schemes
            ("dsc-pq", "reconstruction"),
            ("dsc-shared+M=8", "bpsk"),
            ("dsc-shared+M=8", "reconstruction"),
        )
        for receiver in ("hard", "default")
    ]
    assert {row["receiver_name"] for row in rows} == {"hard", "joint"}


def test_the_papers_own_figure_ships(data: BenchmarkData) -> None:
    settings = settings_of("fig3", Path("fig3-paper"))
    assert isinstance(settings, Fig3Settings)
    pairs = {(scheme.removesuffix("-pq").removesuffix("-raw"), mode) for scheme, mode in settings.pairs()}
    assert pairs >= {(scheme, mode) for scheme in ("dsc", "duc-ivf") for mode in ("bpsk", "analog")}
    for scheme, mode in settings.pairs():  # numbers as numbers, codes as bits
        assert (mode == "analog") == scheme.endswith("-raw")
    few = settings_of("fig3", Path("fig3-paper"), schemes=["dsc-raw", "dsc-pq"], snr_db=[math.inf], draws=1)
    rows = list(fig3.run(data, few))
    assert [(row["scheme"], row["mode"]) for row in rows] == [("dsc-raw", "analog"), ("dsc-pq", "bpsk")]
    for row in rows:
        assert row["mAP"] == pytest.approx(mean_average_precision(data, str(row["scheme"]), 5), abs=1e-6)


def test_a_file_of_a_name_that_ships_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fig3-paper").write_text("schemes = ['dsc-shared']\nsnr_db = [1]\n")
    assert settings_of("fig3", Path("fig3-paper")).schemes == ["dsc-shared"]
    with pytest.raises(InvalidInputError, match=r"\(settings that ship: .*fig3-paper.*\)$"):
        settings_of("fig3", Path("fig3-papers"))


def test_companions_are_for_modes_that_send_the_feature() -> None:
    assert set(COMPANIONS) == {Mode.ANALOG, Mode.ANALOG_PCA, Mode.HYBRID}
    assert companion("dsc", Mode.HYBRID) == "hybrid"
    assert companion("exhaustive", Mode.ANALOG) == "exhaustive"
    assert companion("dsc", Mode.PAM256) == "dsc"
    pairs = list(combinations(["dsc", "dsc-pq"], [Mode.ANALOG_PCA, Mode.BPSK]))
    assert pairs == [("analog-pca", Mode.ANALOG_PCA), ("dsc", Mode.BPSK), ("dsc-pq", Mode.BPSK)]


def test_without_noise_the_companions_have_what_compare_says(data: BenchmarkData) -> None:
    [row] = rows_of(data, modes=["analog"], receivers=["hard"], snr_db=[math.inf])
    [raw] = compare.run(data, settings_of("compare", None, schemes=["dsc-raw"]))
    assert row["mAP"] == pytest.approx(float(raw["mAP"]), abs=1e-6)
    assert row["recall"] == raw["recall"]
    assert row["packet_error_rate"] == ""  # the feature is never a bit
    assert row["uses"] == 8 * (-(-(5 * 4 + 6) // 8)) + 16  # head bits, and F numbers


def test_neither_order_nor_company_changes_a_row(data: BenchmarkData) -> None:
    some = {"draws": 2, "seed": 3, "receivers": ["hard", "default"]}
    both = rows_of(data, modes=["bpsk", "qam16"], snr_db=[3.0, 9.0], **some)
    turned = rows_of(
        data, modes=["qam16", "bpsk"], snr_db=[9.0, 3.0], schemes=["duc-ivf-pq+K=9", "dsc-pq"], **some
    )
    assert all(row in turned for row in both)
    alone = rows_of(data, modes=["qam16"], snr_db=[9.0], **some)
    assert all(row in both for row in alone)


def test_causes_by_hand(data: BenchmarkData) -> None:
    """Each column once more, from the core's functions."""
    [row] = rows_of(data, receivers=["hard"], snr_db=[5.0], draws=1, seed=4)
    scheme = build_scheme(parse_scheme("dsc-pq"), data.features, 5, seed=4)
    missing, undetected, wrong_packets, candidates = [], [], [], []
    for number, query in enumerate(data.features.queries):
        packet = scheme.pack(query)
        signal = transmit(packet, scheme.format, LinkSettings(snr_db=5.0, seed=4), f"query-{number}")
        decoded = receive(scheme.index.summary, [signal], "hard")
        sent = unpack(packet, scheme.format).labels.tolist()
        sizes = scheme.index.list_sizes
        filled = [label for label in sent if sizes[label]]
        missing.append(mean([label not in decoded.partitions for label in filled]))
        undetected.append(decoded.head.labels.tolist() != sent and decoded.head.trusted)
        wrong_packets.append(bytes(_hard_bytes(signal.samples)) != packet)
        candidates.append(rank(scheme.index, decoded, scheme.spec.ranking).images.size)
    assert row["wrong_partition_rate"] == pytest.approx(mean(missing), abs=1e-6)
    assert row["head_undetected_rate"] == pytest.approx(mean(undetected), abs=1e-6)
    assert row["packet_error_rate"] == pytest.approx(mean(wrong_packets), abs=1e-6)
    assert row["candidates"] == pytest.approx(mean(candidates), abs=1e-3)


def _hard_bytes(samples: object) -> bytes:
    bits = "".join("1" if sample < 0 else "0" for sample in samples)  # type: ignore[attr-defined]
    return bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))


def test_a_head_that_is_a_set_may_come_in_any_order(data: BenchmarkData) -> None:
    scheme = build_scheme(parse_scheme("dsc-shared+M=8+set"), data.features, 5)
    packets = packets_of(scheme, data)
    outcome = read(packets, 0, send(packets, 0, LinkSettings(snr_db=math.inf)), "joint")
    assert not outcome.head_wrong
    assert outcome.missing == 0


def test_energy_is_held_against_the_noise_of_a_real_dimension(data: BenchmarkData) -> None:
    modes = ["bpsk", "qpsk", "pam256", "integer", "reconstruction"]
    rows = rows_of(data, modes=modes, receivers=["hard"], snr_db=[3.0], draws=1)
    by_mode = {row["mode"]: row for row in rows}
    bits = 8 * int(by_mode["bpsk"]["packet_bytes"])
    assert by_mode["bpsk"]["energy_to_noise_db"] == pytest.approx(10 * math.log10(bits) + 3, abs=1e-4)
    # QPSK at the same SNR is two BPSKs: as many bits, as much energy for each, as few errors.
    assert by_mode["qpsk"]["uses"] == bits // 2
    assert by_mode["qpsk"]["energy_to_noise_db"] == by_mode["bpsk"]["energy_to_noise_db"]
    energy = float(by_mode["integer"]["energy"])
    assert energy > 100 * int(by_mode["integer"]["uses"])
    assert by_mode["integer"]["energy_to_noise_db"] == pytest.approx(10 * math.log10(energy) + 3, abs=1e-4)
    assert (by_mode["reconstruction"]["uses"], by_mode["reconstruction"]["energy_to_noise_db"]) == (0, "")


def test_what_is_given_away_is_flagged(data: BenchmarkData) -> None:
    some = {"receivers": ["hard"], "draws": 4}
    [integer] = rows_of(data, modes=["integer"], snr_db=[15.0], **some)
    assert integer["beats_limit"] == 1
    rows = rows_of(data, modes=["reconstruction"], snr_db=[-20.0, math.inf], **some)
    assert [row["beats_limit"] for row in rows] == [1, 1]
    [ideal] = rows_of(data, modes=["bpsk"], snr_db=[-20.0], head_protection="ideal", **some)
    assert (ideal["head_error_rate"], ideal["beats_limit"]) == (0, 1)
    honest = rows_of(
        data, modes=["bpsk", "qpsk", "pam256", "analog"], snr_db=[-20.0, 0.0, 6.0, 20.0, math.inf], **some
    )
    assert {row["beats_limit"] for row in honest} == {0}


def test_limits_count_two_real_uses_in_a_complex_one_and_none_with_fading() -> None:
    fmt = PacketFormat()
    # 376 bits want 4.8 dB in 376 real uses and 11.8 dB in 188: at 8 dB only the first can be.
    link = LinkSettings(Mode.QPSK, 8.0)
    assert beats_limit(fmt, link, 188, 0.0, 0.0, 1000) == 0
    assert beats_limit(fmt, replace(link, mode=Mode.BPSK), 188, 0.0, 0.0, 1000) == 1
    assert beats_limit(fmt, replace(link, mode=Mode.ANALOG, snr_db=-20.0), 376, None, 0.0, 1000) == 1
    assert beats_limit(fmt, replace(link, mode=Mode.ANALOG, snr_db=8.0), 376, None, 0.0, 1000) == 0
    assert beats_limit(fmt, replace(link, fading="rayleigh"), 188, 0.0, 0.0, 1000) == ""
    assert beats_limit(fmt, LinkSettings(Mode.RECONSTRUCTION, 8.0), 0, 1.0, 1.0, 1000) == 0


def test_fading_is_drawn_even_without_noise(data: BenchmarkData) -> None:
    some = {"receivers": ["hard"], "draws": 3, "snr_db": [10.0, math.inf]}
    still = rows_of(data, **some)
    faded = rows_of(data, fading="rayleigh", channel_knowledge=False, **some)
    assert [row["draws"] for row in still] == [3, 1]
    assert [row["draws"] for row in faded] == [3, 3]
    assert float(faded[0]["ber"]) > 10 * float(still[0]["ber"])
    assert {(row["fading"], row["channel_knowledge"]) for row in faded} == {("rayleigh", 0)}


def test_draws_are_added_until_the_noise_matters_little(data: BenchmarkData) -> None:
    some = {"receivers": ["hard"], "snr_db": [4.0, math.inf], "draws": 2}
    few, still = rows_of(data, **some)
    assert (few["draws"], still["draws"], still["noise_error"]) == (2, 1, 0)
    wanted = 0.7 * float(few["noise_error"])
    enough, _ = rows_of(data, **some, noise_error=wanted, max_draws=50)
    assert 2 < int(enough["draws"]) < 50
    assert float(enough["noise_error"]) <= wanted
    one_less, _ = rows_of(data, **some | {"draws": int(enough["draws"]) - 2})
    assert float(one_less["noise_error"]) > wanted
    same, _ = rows_of(data, **some | {"draws": enough["draws"]})
    assert {**same} == {**enough}  # the draws that are added are those of a longer run
    limited, _ = rows_of(data, **some, noise_error=1e-6, max_draws=5)
    assert limited["draws"] == 5
    # Draws of one receiver do not depend on the others.
    beside = rows_of(data, **some | {"receivers": ["soft", "hard"]}, noise_error=wanted, max_draws=50)
    assert enough in beside


def test_the_error_of_the_noise_is_that_of_many_runs(data: BenchmarkData) -> None:
    some = {"receivers": ["hard"], "snr_db": [4.0], "draws": 4}
    rows = [rows_of(data, **some, seed=100 * number, index_seed=0)[0] for number in range(20)]
    spread = statistics.stdev(float(row["mAP"]) for row in rows)
    assert mean([float(row["noise_error"]) for row in rows]) == pytest.approx(spread, rel=0.4)


def test_one_draw_cannot_say_what_the_noise_leaves_open(data: BenchmarkData) -> None:
    [row] = rows_of(data, receivers=["hard"], snr_db=[4.0], draws=1)
    assert (row["draws"], row["noise_error"]) == (1, "")
    [more] = rows_of(data, receivers=["hard"], snr_db=[4.0], draws=1, noise_error=0.5)
    assert more["draws"] == 2


def test_the_limit_of_draws_is_above_the_draws() -> None:
    with pytest.raises(InvalidInputError, match=r"expected max_draws from 5 \(draws\), got 4"):
        settings_of("fig3", None, draws=5, noise_error=0.1, max_draws=4)


def test_repetition_fills_the_uses(data: BenchmarkData) -> None:
    [plain] = rows_of(data, receivers=["hard"], snr_db=[0.0], draws=1)
    uses = 4 * int(plain["uses"])
    [more] = rows_of(data, receivers=["hard"], snr_db=[0.0], draws=1, fec="repetition", uses=uses)
    assert (more["uses"], more["energy"], more["fec"]) == (uses, uses, "repetition")
    assert float(more["ber"]) < float(plain["ber"]) / 3  # Q(2) against Q(1)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"modes": ["bpsk", "morse"]}, "modes.1: Input should be 'bpsk', 'qpsk'"),
        ({"receivers": ["best"]}, "unknown receiver 'best'; expected one of hard"),
        ({"snr_db": ["loud"]}, "snr_db.0: Input should be a valid number"),
        ({"snr_db": [math.nan]}, "expected an SNR from -100 to 100 dB, or inf, got nan"),
        ({"draws": 0}, "draws: Input should be greater than or equal to 1"),
        ({"fec": "turbo"}, "fec: Input should be 'none', 'repetition' or 'ldpc'"),
        ({"uses": -1}, "expected uses from 0 to 4096, got -1"),
        ({"modes": ["pam256"], "fec": "ldpc"}, "expected error correction none with mode pam256, got ldpc"),
        ({"modes": ["reconstruction"], "fading": "rician"}, "expected fading none with mode reconstruction"),
        ({"modes": ["hybrid"], "schemes": ["exhaustive"]}, "expected a packet with a head for mode hybrid"),
    ],
)
def test_settings_that_cannot_be_are_one_line(changes: dict[str, object], line: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        settings_of("fig3", None, **changes)
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_uses_too_few_for_this_model_are_refused_before_the_photos_are_read(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"not looked at yet")
    (tmp_path / "gt.json").write_text(
        '{"name": "x", "images": ["photos"], "queries": [{"image": "a.png", "positives": ["a.png"]}]}'
    )
    where = ["--ground-truth", str(tmp_path / "gt.json"), "--out", str(tmp_path), "--model", str(tiny_model)]
    result = CliRunner().invoke(app, ["run", "fig3", *where, "--fec", "repetition", "--uses", "300"])
    assert isinstance(result.exception, InvalidInputError)
    # K = 32: a head of 25 + 6 bits in 4 bytes, and 40 bytes of code
    assert str(result.exception) == ("expected at least 352 uses for a packet of 44 bytes with bpsk, got 300")


def test_the_ablation_measures_the_steps_of_the_schemes_asked_for(data: BenchmarkData) -> None:
    steps = [
        Step(of="dsc-pq", step="hard", scheme="dsc-pq+unordered", receiver="hard"),
        Step(of="dsc-pq", step="order", scheme="dsc-pq", receiver="hard"),
        Step(of="duc-pq+M=8", step="none", scheme="duc-pq+M=8", receiver="soft"),
        Step(of="dsc-pq", step="ideal", scheme="dsc-pq", receiver="hard", head_protection="ideal"),
    ]
    settings = AblationSettings(schemes=["dsc-pq"], steps=steps, snr_db=[2.0, 6.0], draws=2)
    rows = list(ablation.run(data, settings))
    assert [(row["step"], row["snr_db"]) for row in rows] == [
        (step, snr) for step in ("hard", "order", "ideal") for snr in (2.0, 6.0)
    ]
    assert all(set(row) == set(ablation.COLUMNS) for row in rows)
    assert rows[0]["gain"] == ""
    assert rows[3]["gain"] == pytest.approx(float(rows[3]["mAP"]) - float(rows[1]["mAP"]), abs=2e-6)
    assert float(rows[4]["head_error_rate"]) == 0
    [same] = rows_of(data, receivers=["hard"], snr_db=[6.0], draws=2)
    assert rows[3]["mAP"] == same["mAP"]  # the same packets, the same noise


def test_the_ablation_that_ships_knows_its_schemes() -> None:
    settings = settings_of("ablation", None)
    assert isinstance(settings, AblationSettings)
    assert settings.snr_db == [-2, 0, 2, 4, 6, 8, 10]
    assert {step.of for step in settings.steps} == set(settings.schemes)
    for step in settings.steps:
        assert step.scheme.split("+")[0] == step.of.split("+")[0]
    with pytest.raises(InvalidInputError, match="unknown receiver 'best'"):
        settings_of("ablation", None, steps=[settings.steps[0].model_dump() | {"receiver": "best"}])


def test_decoding_is_timed_by_steps_that_make_up_the_whole(data: BenchmarkData) -> None:
    settings = DecodingSettings(schemes=["dsc-pq"], receivers=["hard", "default"], snr_db=[5.0], packets=3)
    rows = list(decoding.run(data, settings))
    assert [(row["receiver"], row["step"]) for row in rows] == [
        (receiver, step) for receiver in ("hard", "default") for step in (decoding.TOTAL, *STEPS)
    ]
    for start in (0, len(STEPS) + 1):
        total, *parts = [float(row["median_ms"]) for row in rows[start : start + len(STEPS) + 1]]
        assert total > 0
        assert sum(parts) == pytest.approx(total, abs=0.01)


@pytest.mark.parametrize("receiver", ["hard", "joint"])
def test_time_belongs_to_the_step_that_runs(data: BenchmarkData, receiver: str) -> None:
    scheme = build_scheme(parse_scheme("dsc-pq"), data.features, 5)
    signal = transmit(scheme.pack(data.features.queries[0]), scheme.format, LinkSettings(), "x")
    decoded = receive(scheme.index.summary, [signal], receiver)
    with recorded() as receiving:
        receive(scheme.index.summary, [signal], receiver)
    assert set(receiving.seconds) == set(STEPS) - {"ranking"}  # nothing was ranked
    with recorded() as ranking:
        rank(scheme.index, decoded, scheme.spec.ranking)
    assert set(ranking.seconds) == {"ranking", "other"}
