"""The audit log: what a line has, and how few lines a flood of refusals gets."""

import logging

import pytest

from dsc_common.serving.audit import BURST, Audit
from dsc_common.serving.caller import Caller
from dsc_common.serving.roles import Role

METHOD, PEER = "/dsc.v1.CodebookService/Download", "ipv4:10.0.0.7:4711"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "dsc.audit"]


def test_a_refusal_and_a_use_of_admin_name_caller_role_method_and_peer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    audit = Audit()
    audit.refused("token:cam", Role.READ, METHOD, PEER, "needs\nmore")
    audit.refused("address:10.0.0.7", None, METHOD, PEER, "no token")
    audit.used(Caller("token:ops", Role.ADMIN), METHOD, PEER)
    call = f"method={METHOD} peer={PEER}"
    assert lines(caplog) == [
        f"refused caller=token:cam role=read {call}: needs\\nmore",
        f"refused caller=address:10.0.0.7 role=- {call}: no token",
        f"admin caller=token:ops role=admin {call}",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_a_flood_gets_few_lines_and_the_next_line_has_the_number_of_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    audit = Audit(lambda: now[0])
    for _ in range(10_000):
        audit.refused("address:10.0.0.7", None, METHOD, PEER, "no token")
    assert len(lines(caplog)) == BURST
    now[0] = 1.0
    audit.refused("address:10.0.0.7", None, METHOD, PEER, "no token")
    assert len(lines(caplog)) == BURST + 1
    assert lines(caplog)[-1].endswith(f"({10_000 - BURST} further refusals had no line)")
    audit.used(Caller("token:ops", Role.ADMIN), METHOD, PEER)  # a flood hides no use of admin
    assert lines(caplog)[-1].startswith("admin caller=token:ops")
