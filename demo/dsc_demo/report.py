"""Writes the self-contained report: queries, packets and ranked images side by side, in one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import mean

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from dsc_demo.answers import Answer, Round, snr_name
from dsc_demo.gallery import Gallery
from dsc_demo.run import TOP
from dsc_demo.thumbnails import Thumbnails
from dsc_demo.views import DIFFICULTIES

_HEAD_BYTES = 7
_BYTES_PER_LINE = 8
_GOOD_FRACTION = 0.9
_FAIR_FRACTION = 0.5


@dataclass(frozen=True)
class PacketPart:
    """A part of a packet, and its bytes in hex, line by line."""

    title: str
    lines: list[str]


def write_report(path: Path, gallery: Gallery, rounds: Sequence[Round]) -> None:
    """Write the report of several rounds of the same queries; the file needs nothing beside it."""
    page = report_html(gallery, rounds)
    path.write_text(page, encoding="utf-8", errors="xmlcharrefreplace")


def report_html(gallery: Gallery, rounds: Sequence[Round]) -> str:
    """Return the report as one HTML document, with every text escaped and every image inside."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["snr"] = snr_name
    return environment.from_string(_read("report.html.jinja")).render(
        gallery=gallery,
        rounds=rounds,
        trials_by_query=list(zip(*(each.trials for each in rounds), strict=True)),
        mean_photo_bytes=mean(trial.photo_bytes for trial in rounds[0].trials),
        thumbnails=Thumbnails(),
        packet_parts=packet_parts,
        snr_choices=[(number, snr_name(each.snr_db)) for number, each in enumerate(rounds)],
        view_choices=[("all", "all"), *((name, name) for name in DIFFICULTIES)],
        style=Markup(_read("report.css")),  # noqa: S704 - a file of this package
        top=TOP,
        good=_GOOD_FRACTION,
        fair=_FAIR_FRACTION,
    )


def _read(name: str) -> str:
    return files("dsc_demo").joinpath(name).read_text(encoding="utf-8")


def packet_parts(answer: Answer) -> list[PacketPart]:
    """Return the head, then the code of each of its labels; or the labels, then the one code for all."""
    data = bytes.fromhex(answer.packet)
    head, payload = data[:_HEAD_BYTES], data[_HEAD_BYTES:]
    parts = [PacketPart("head: five labels, check bits", [head.hex(" ")])]
    if answer.payload == "codes":
        size = len(payload) // max(1, len(answer.label_names))
        codes = [payload[t * size : (t + 1) * size] for t in range(len(answer.label_names))]
        named = zip(answer.label_names, codes, strict=True)
        return [*parts, *(PacketPart(name, [code.hex(" ")]) for name, code in named)]
    starts = range(0, len(payload), _BYTES_PER_LINE)
    lines = [payload[start : start + _BYTES_PER_LINE].hex(" ") for start in starts]
    labels = [PacketPart(name, []) for name in answer.label_names]
    return [*parts, *labels, PacketPart("the feature's code", lines)]
