"""`traceparent`: the examples and rules of the W3C Trace Context, and the way from process to process."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.observing.trace import Trace, continued, new_trace

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
VALID = f"00-{TRACE_ID}-{SPAN_ID}-01"  # the example of the specification


def test_the_example_of_the_specification_is_continued() -> None:
    trace = continued(VALID)
    assert (trace.trace_id, trace.parent_id, trace.is_sampled) == (TRACE_ID, SPAN_ID, True)
    assert trace.span_id not in (SPAN_ID, "0" * 16)


def test_the_bit_of_sampling_is_passed_on_and_the_others_are_not() -> None:
    assert str(continued(f"00-{TRACE_ID}-{SPAN_ID}-fe")).endswith("-00")
    assert str(continued(f"00-{TRACE_ID}-{SPAN_ID}-03")).endswith("-01")


@pytest.mark.parametrize(
    "later", [f"01-{TRACE_ID}-{SPAN_ID}-01", f"cc-{TRACE_ID}-{SPAN_ID}-00-what-the-future-has"]
)
def test_a_later_version_is_read_as_far_as_it_is_known(later: str) -> None:
    assert continued(later).trace_id == TRACE_ID


@pytest.mark.parametrize(
    "refused",
    [
        None,
        "",
        f"ff-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID.upper()}-{SPAN_ID}-01",
        f"00-{TRACE_ID[:-1]}-{SPAN_ID}-01",
        f"{VALID}-more",
        f"{VALID}\n",
        f" {VALID}",
        f"cc-{TRACE_ID}-{SPAN_ID}-01.more",
        f"cc-{TRACE_ID}-{SPAN_ID}-01-{'a' * 600}",
        "００" + VALID[2:],
    ],
)
def test_what_the_grammar_forbids_begins_a_new_trace(refused: str | None) -> None:
    trace = continued(refused)
    assert trace.parent_id == ""
    assert trace.trace_id != TRACE_ID
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", str(trace))


@given(st.text(max_size=80))
def test_any_text_gives_a_trace(text: str) -> None:
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", str(continued(text)))


@given(st.booleans())
def test_the_next_process_continues_what_this_one_sends(is_sampled: bool) -> None:
    here = Trace(new_trace().trace_id, new_trace().span_id, is_sampled=is_sampled)
    there = continued(str(here))
    assert (there.trace_id, there.parent_id, there.is_sampled) == (here.trace_id, here.span_id, is_sampled)
