"""Which step of decoding a piece of time belongs to, told by the function that runs, seen from outside."""

import sys
import time
from collections.abc import Callable
from types import FrameType

from dsc_common.radio import demodulation
from dsc_server.building import augmentation
from dsc_server.index import code_tables, label_model, word_likelihood
from dsc_server.ranking import by_estimate as fused_ranking
from dsc_server.ranking import candidates as fused_candidates
from dsc_server.ranking import code_scores, soft_minimum
from dsc_server.ranking import rank as ranking
from dsc_server.receiving import estimates, head_check, head_list, joint, partition_choice
from dsc_server.receiving import separate as deciding

STEPS = ("demodulate", "codes", "head", "partitions", "ranking", "other")
# Functions and modules themselves, so that one that moves is missed at once. What a file of none of these
# calls (numpy, …) belongs to its caller.
_FILES = {
    module.__file__: step
    for step, modules in {
        "demodulate": (demodulation,),
        "codes": (estimates,),
        "head": (head_list, head_check, label_model, joint),
        "partitions": (partition_choice,),
        "ranking": (
            *(ranking, code_scores, code_tables, soft_minimum),
            *(fused_ranking, fused_candidates, word_likelihood, augmentation),
        ),
    }.items()
    for module in modules
}
_FUNCTIONS = {
    function.__code__: step
    for step, functions in {
        "codes": (joint.code_evidence, joint.likely_estimates, deciding.reading_of),
        "partitions": (deciding.candidate_slots,),
    }.items()
    for function in functions
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
    return _FUNCTIONS.get(frame.f_code) or _FILES.get(frame.f_code.co_filename)
