"""Reads the metrics of a service as Prometheus does."""

import json
import re
import urllib.request
from collections.abc import Iterable


def metrics_url(lines: Iterable[str]) -> str:
    """The address that a service printed, among the lines of its stderr, as text or JSON."""
    for line in lines:
        if match := re.search(r"metrics on (http://127\.0\.0\.1:\d+/metrics)", line):
            return match[1]
    raise AssertionError(f"expected a line with the address of metrics, got {list(lines)}")


def fetch(url: str) -> str:
    """The text behind an address of a test."""
    with urllib.request.urlopen(url) as reply:  # noqa: S310 (an address of this machine)
        return str(reply.read().decode())


def fetch_json(url: str) -> object:
    """The JSON behind an address of a test."""
    return json.loads(fetch(url))


def samples(text: str) -> dict[str, float]:
    """Series with labels → value."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


def names(text: str) -> set[str]:
    """Names of series, without labels."""
    return {series.partition("{")[0] for series in samples(text)}
