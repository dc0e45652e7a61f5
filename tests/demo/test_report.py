"""The report: the parts of a packet by hand, and every text of a stranger escaped."""

import json
from pathlib import Path

import pytest
from PIL import Image

from dsc_demo.answers import Answer, Round, answer_from_json, judge
from dsc_demo.gallery import Gallery, Query
from dsc_demo.report import PacketPart, packet_parts, report_html

HOSTILE = "<script>&'\""


def answer(payload: str, image: str) -> Answer:
    link = {"mode": "bpsk", "snr_db": 5.0, "seed": 0, "channel_uses": 376, "energy": 376.0}
    content = {
        "query": "a.jpg",
        "packet": bytes(range(17)).hex(),
        "payload": payload,
        "head": [1, 2],
        "head_labels": ["cup", HOSTILE],
        "results": [{"rank": 1, "image_id": f"photos/{image}", "uri": "x", "label": 1, "score": 0.5}],
        "link": {**link, "bit_errors": 12, "head_ok": True},
        "timings_ms": {"extract": 50.0, "encode": 1.0, "round_trip": 4.0},
        "notices": [HOSTILE],
    }
    return answer_from_json(json.dumps(content))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("codes", [("cup", ["07 08 09 0a 0b"]), (HOSTILE, ["0c 0d 0e 0f 10"])]),
        (
            "code",
            [("cup", []), (HOSTILE, []), ("the feature's code", ["07 08 09 0a 0b 0c 0d 0e", "0f 10"])],
        ),
    ],
)
def test_the_parts_of_a_packet(payload: str, expected: list[tuple[str, list[str]]]) -> None:
    head = PacketPart("head: five labels, check bits", ["00 01 02 03 04 05 06"])
    assert packet_parts(answer(payload, "a.jpg")) == [head, *(PacketPart(*part) for part in expected)]


def test_names_of_photos_labels_and_notices_are_text(tmp_path: Path) -> None:
    name = HOSTILE.replace("<script>", "<script") + ".jpg"
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (40, 30)).save(tmp_path / "photos" / name)
    query = Query(tmp_path / "photos" / name, HOSTILE, "light", frozenset({name}))
    gallery = Gallery(tmp_path / "photos", 1, (query,))
    html = report_html(gallery, [Round(5.0, (judge(gallery, query, answer("code", name)),))])
    assert "<script" not in html
    assert html.count("&lt;script&gt;&amp;&#39;&#34;") == 4  # scene twice, label, notice
    assert html.count("&lt;script&amp;&#39;&#34;.jpg") == 3  # title, its words, its name
