"""An answer as one line of JSON for programs, or as text for people."""

from datetime import UTC, datetime
from typing import Any

from dsc_common.cli.json_text import to_json
from dsc_common.cli.printable import printable
from dsc_common.radio.link import LinkReport
from dsc_device.querying import Answer
from dsc_device.store.entry import Entry


def answer_to_json(answer: Answer) -> str:
    """One JSON object on one line, in ASCII; an infinite SNR is the string "inf": JSON has no infinity."""
    return to_json(_fields(answer))


def queued_answer_to_json(answer: Answer, entry: Entry) -> str:
    """One JSON object on one line: the answer, and which query of the queue it answers."""
    return to_json(_fields(answer) | _identity(entry))


def refusal_to_json(error: Exception, entry: Entry) -> str:
    """One JSON object on one line: why a query of the queue has no answer."""
    return to_json(_identity(entry) | {"error": str(error)})


def _identity(entry: Entry) -> dict[str, Any]:
    """Keys of a query of the queue; the time has microseconds."""
    captured = datetime.fromtimestamp(entry.captured_ns / 1e9, UTC)
    return {"query": entry.name, "request_id": entry.request_id, "captured": captured.isoformat()}


def _fields(answer: Answer) -> dict[str, Any]:
    return {
        "query": answer.query,
        "model": answer.model or None,
        "packet": answer.packet.hex(),
        "payload": answer.payload,
        "head": answer.head,
        "head_labels": answer.head_labels,
        "results": [vars(image) for image in answer.results.images],
        "candidates": answer.results.num_candidates,
        "head_received": answer.results.head,
        "notices": answer.results.notices,
        "receiver": answer.results.receiver,
        "confidence": answer.results.confidence,
        "low_confidence": answer.results.low_confidence,
        "link": vars(answer.link),
        "timings_ms": {name: round(value, 3) for name, value in answer.timings_ms.items()},
    }


def answer_to_text(answer: Answer) -> str:
    """A few printable lines: the packet, the link report, and the ranked images."""
    link, timings = answer.link, answer.timings_ms
    lines = [
        f"{answer.query}: {len(answer.packet)} bytes sent, head: {', '.join(answer.head_labels)}",
        f"  link: {link.mode} at {link.snr_db:g} dB, {_arrived(link)}; "
        f"extract {timings['extract']:.0f} ms, round trip {timings['round_trip']:.1f} ms",
        *(f"  note: {notice}" for notice in answer.results.notices),
        *(
            f"  {image.rank:3d}. {image.image_id}  (label {image.label}, score {image.score:.3f})"
            for image in answer.results.images
        ),
    ]
    return "\n".join(printable(line) for line in lines)


def _arrived(link: LinkReport) -> str:
    """Bit errors in words: "12 of 376 bits wrong, head right"."""
    if link.erased:
        return f"nothing arrived (sent {link.transmissions}x)"
    again = f", sent {link.transmissions}x, {link.lost} lost" if link.transmissions > 1 else ""
    head = "right" if link.head_ok else "wrong"
    return f"{link.bit_errors} of {link.bits_sent} bits wrong, head {head}{again}"
