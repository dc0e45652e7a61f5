"""Answers: read from the documented JSON line, judged against the ground truth, and counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from dsc_common.errors import InvalidInputError
from dsc_demo.answers import Round, answer_from_json, judge, snr_name
from dsc_demo.gallery import Gallery, Query
from dsc_demo.table import common_labels


def line(**changes: Any) -> str:
    link = {"mode": "bpsk", "snr_db": 5.0, "seed": 0, "channel_uses": 376, "energy": 376.0}
    answer: dict[str, Any] = {
        "query": "a.jpg",
        "packet": "00" * 47,
        "head": [1, 2, 3, 4, 5],
        "results": [],
        "link": {**link, "bit_errors": 12, "head_ok": True},
        "timings_ms": {"extract": 50.0, "encode": 1.0, "round_trip": 4.0, "server": 2.0},
    }
    return json.dumps({**answer, **changes})


def results(*names: str) -> list[dict[str, Any]]:
    return [
        {"rank": rank, "image_id": name, "uri": f"file:///{name}", "label": 1, "score": 0.5}
        for rank, name in enumerate(names, start=1)
    ]


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    (tmp_path / "a.jpg").write_bytes(bytes(9400))
    query = Query(tmp_path / "a.jpg", "a", "light", frozenset({"a-0.jpg", "a-1.jpg"}))
    return Gallery(tmp_path / "photos", 4, (query,))


def test_the_documented_line_is_read() -> None:
    answer = answer_from_json(line())
    assert answer.packet_bytes == 47
    assert answer.time_ms == 55.0
    assert answer.label_names == ("label 1", "label 2", "label 3", "label 4", "label 5")


def test_no_noise_is_the_string_inf() -> None:
    link = {**json.loads(line())["link"], "snr_db": "inf"}
    answer = answer_from_json(line(link=link, head_labels=["cup", "mug"], later="more"))
    assert answer.link.snr_db == float("inf")
    assert answer.label_names == ("cup", "mug")


@pytest.mark.parametrize(
    ("text", "words"),
    [("listening", "line: Invalid JSON"), (line(packet="0g"), "packet: "), (line(link=None), "link: ")],
)
def test_what_is_no_answer_is_named(text: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        answer_from_json(text)


@pytest.mark.parametrize(
    ("names", "rank"),
    [
        ((), None),
        (("photos/b-0.jpg",), None),
        (("photos/a-1.jpg", "photos/a-0.jpg"), 1),
        (("photos/b-0.jpg", "other/a-0.jpg", "photos/a-0.jpg"), 3),
    ],
)
def test_rank_of_the_first_right_image(gallery: Gallery, names: tuple[str, ...], rank: int | None) -> None:
    trial = judge(gallery, gallery.queries[0], answer_from_json(line(results=results(*names))))
    assert trial.first_right == rank
    assert trial.photo_bytes == 9400


def test_a_round_counts_bits_heads_and_ranks(gallery: Gallery) -> None:
    lost = {**json.loads(line())["link"], "bit_errors": 36, "head_ok": False}
    lines = [line(results=results("photos/b.jpg", "photos/a-0.jpg")), line(link=lost)]
    trials = tuple(judge(gallery, gallery.queries[0], answer_from_json(each)) for each in lines)
    each = Round(5.0, trials)
    assert each.bit_error_rate == 48 / (2 * 376)
    assert (each.heads_right, each.right_within(1), each.right_within(2)) == (0.5, 0.0, 0.5)


def test_labels_near_the_front_of_several_heads_come_first(gallery: Gallery) -> None:
    heads = [["cup", "mug", "pot"], ["cup", "pot", "jug"], ["mug", "cup", "jug"]]
    trials = [judge(gallery, gallery.queries[0], answer_from_json(line(head_labels=head))) for head in heads]
    # cup 1 + 1 + 1/2, mug 1/2 + 1, pot 1/3 + 1/2, jug 1/3 + 1/3
    assert common_labels(trials) == ["cup", "mug", "pot", "jug"]


@pytest.mark.parametrize(("snr_db", "name"), [(float("inf"), "∞ dB"), (12.0, "12 dB"), (-2.5, "-2.5 dB")])
def test_snr_names(snr_db: float, name: str) -> None:
    assert snr_name(snr_db) == name
