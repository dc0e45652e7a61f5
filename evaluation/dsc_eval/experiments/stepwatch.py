"""Which step of decoding a piece of time belongs to, told by the function that runs, seen from outside."""

import sys
import time
from collections.abc import Callable
from pathlib import PurePath
from types import FrameType

STEPS = ("demodulate", "codes", "head", "partitions", "ranking", "other")
# By file; what a file of none of these calls (numpy, …) belongs to its caller.
_FILES = {
    "demodulation": "demodulate",
    "estimates": "codes",
    "head_list": "head",
    "head_check": "head",
    "label_model": "head",
    "joint": "head",
    "ranking": "ranking",
    "code_scores": "ranking",
    "soft_minimum": "ranking",
    "augmentation": "ranking",
}
# By function, where a file has several steps.
_FUNCTIONS = {
    ("joint", "_likely_partitions"): "partitions",
    ("joint", "_with_near"): "partitions",
    ("joint", "_code_evidence"): "codes",
    ("joint", "_fused"): "codes",
    ("deciding", "reading_of"): "codes",
    ("deciding", "candidate_slots"): "partitions",
}


def shares_of_steps(work: Callable[[], object]) -> dict[str, float]:
    """Share of each of `STEPS` in the time that `work` takes in this thread; together 1."""
    seconds = dict.fromkeys(STEPS, 0.0)
    running, since = ["other"], time.perf_counter()

    def watch(frame: FrameType, event: str, _: object) -> None:
        nonlocal since
        if event not in ("call", "return"):
            return
        now = time.perf_counter()
        seconds[running[-1]] += now - since
        if event == "call":
            running.append(_step(frame) or running[-1])
        elif len(running) > 1:
            running.pop()
        since = time.perf_counter()

    sys.setprofile(watch)
    try:
        work()
    finally:
        sys.setprofile(None)
    total = sum(seconds.values()) or 1.0
    return {step: spent / total for step, spent in seconds.items()}


def _step(frame: FrameType) -> str | None:
    place = PurePath(frame.f_code.co_filename).stem, frame.f_code.co_name
    return _FUNCTIONS.get(place) or _FILES.get(place[0])
