"""An answer as one JSON line, by the names that programs read, and as text."""

import json
import math
from dataclasses import replace

import pytest

from dsc_common.radio.link import LinkReport
from dsc_common.radio.modes import Mode
from dsc_common.retrieval.results import RankedImage, RankedResults
from dsc_device.output import answer_to_json, answer_to_text
from dsc_device.querying import Answer

PACKET = bytes(range(47))
LINK = LinkReport(Mode.BPSK, 5.0, 0, 376, 376.0, 12, True, 376, "P/σ²", uses=376)
IMAGES = [
    RankedImage(1, "objects/a.jpg", "file:///objects/a.jpg", 497, 0.93),
    RankedImage(2, "objects/ü.jpg", "file:///objects/%C3%BC.jpg", 3, 0.5),
]
ANSWER = Answer(
    query="a.jpg",
    packet=PACKET,
    payload="codes",
    head=[497, 3, 999, 0, 512],
    head_labels=["church", "hen", "toilet tissue", "tench", "cornet"],
    results=RankedResults(IMAGES, 40, [497, 3, 999, 0, 513], False, ["a notice"], 1.25),
    link=LINK,
    timings_ms={"extract": 51.123456, "encode": 0.5, "round_trip": 2.0, "server": 1.25},
)


def test_json_is_one_line_with_everything_that_was_promised() -> None:
    line = answer_to_json(ANSWER)
    assert "\n" not in line
    answer = json.loads(line)
    promised = {
        "query": "a.jpg",
        "packet": PACKET.hex(),
        "payload": "codes",
        "head": [497, 3, 999, 0, 512],
        "results": [
            {
                "rank": 1,
                "image_id": "objects/a.jpg",
                "uri": "file:///objects/a.jpg",
                "label": 497,
                "score": 0.93,
            },
            {
                "rank": 2,
                "image_id": "objects/ü.jpg",
                "uri": "file:///objects/%C3%BC.jpg",
                "label": 3,
                "score": 0.5,
            },
        ],
        "link": {
            "mode": "bpsk",
            "snr_db": 5.0,
            "seed": 0,
            "channel_uses": 376,
            "energy": 376.0,
            "bit_errors": 12,
            "head_ok": True,
            "bits_sent": 376,
            "snr_definition": "P/σ²",
            "complex_uses": False,
            "fec": "none",
            "uses": 376,
            "fading": "none",
            "channel_knowledge": True,
            "genie": False,
            "transmissions": 1,
            "lost": 0,
            "erased": False,
        },
    }
    assert {key: answer[key] for key in promised} == promised
    assert len(answer["packet"]) == 94
    assert set(answer["timings_ms"]) == {"extract", "encode", "round_trip", "server"}
    assert answer["timings_ms"]["extract"] == pytest.approx(51.123)


def test_a_channel_without_noise_is_still_json() -> None:
    line = answer_to_json(replace(ANSWER, link=replace(LINK, snr_db=math.inf)))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(line, parse_constant=refuse)["link"]["snr_db"] == "inf"


@pytest.mark.parametrize(
    "name", ['quo"te.jpg', "line\nfeed.jpg", "back\\slash.jpg", "中.jpg", "no text \udcff.jpg"]
)
def test_any_name_survives(name: str) -> None:
    line = answer_to_json(replace(ANSWER, query=name))
    assert "\n" not in line
    assert json.loads(line)["query"] == name


def test_making_json_changes_nothing() -> None:
    assert answer_to_json(ANSWER) == answer_to_json(ANSWER)
    assert ANSWER.link == LINK


def test_an_empty_result_says_so_in_both() -> None:
    nothing = replace(ANSWER, results=RankedResults([], 0, [1, 2, 3, 4, 5], True, ["no image"]))
    answer = json.loads(answer_to_json(nothing))
    assert (answer["results"], answer["notices"]) == ([], ["no image"])
    assert "no image" in answer_to_text(nothing)


def test_text_says_what_was_sent_and_what_came() -> None:
    text = answer_to_text(ANSWER)
    for part in (
        "a.jpg",
        "47 bytes",
        "church, hen",
        "bpsk at 5 dB",
        "12 of 376 bits",
        "head right",
        "a notice",
    ):
        assert part in text
    assert text.index("objects/a.jpg") < text.index("objects/ü.jpg")
    noiseless = replace(ANSWER, link=replace(LINK, snr_db=math.inf, head_ok=False))
    assert "bpsk at inf dB" in answer_to_text(noiseless)
    assert "head wrong" in answer_to_text(noiseless)


def test_text_says_how_often_it_was_sent() -> None:
    again = replace(ANSWER, link=replace(LINK, transmissions=3, lost=1))
    assert "12 of 376 bits wrong, head right, sent 3x, 1 lost" in answer_to_text(again)
    lost = replace(ANSWER, link=replace(LINK, transmissions=2, lost=2, erased=True))
    assert "bpsk at 5 dB, nothing arrived (sent 2x)" in answer_to_text(lost)
