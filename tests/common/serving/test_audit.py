"""The audit log: what a line has, and how few lines a flood of refusals gets."""

import logging

import pytest

from dsc_common.serving.audit import BURST, Audit
from dsc_common.serving.caller import Caller
from dsc_common.serving.roles import Role

AUDIT = "dsc.audit"
METHOD, PEER = "/dsc.v1.CodebookService/Download", "ipv4:10.0.0.7:4711"


def entries(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, object]]]:
    """Words and fields of each line."""
    records = [record for record in caplog.records if record.name == AUDIT]
    return [(record.getMessage(), record.fields) for record in records]  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, AUDIT)


def test_a_refusal_and_a_use_of_admin_name_caller_role_method_and_peer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    audit = Audit()
    audit.refused("token:cam", Role.READ, METHOD, PEER, "needs more")
    audit.refused("address:10.0.0.7", None, METHOD, PEER, "no token")
    audit.used(Caller("token:ops", Role.ADMIN), METHOD, PEER)
    call = {"method": METHOD.removeprefix("/"), "peer": PEER}
    assert entries(caplog) == [
        ("refused", {"caller": "token:cam", "role": "read", **call, "reason": "needs more"}),
        ("refused", {"caller": "address:10.0.0.7", "role": None, **call, "reason": "no token"}),
        ("admin", {"caller": "token:ops", "role": "admin", **call}),
    ]


def test_a_flood_gets_few_lines_and_the_next_line_has_the_number_of_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    audit = Audit(lambda: now[0])
    for _ in range(10_000):
        audit.refused("address:10.0.0.7", None, METHOD, PEER, "no token")
    assert len(entries(caplog)) == BURST
    now[0] = 1.0
    audit.refused("address:10.0.0.7", None, METHOD, PEER, "no token")
    assert len(entries(caplog)) == BURST + 1
    assert entries(caplog)[-1][1]["further_refusals"] == 10_000 - BURST
    audit.used(Caller("token:ops", Role.ADMIN), METHOD, PEER)  # a flood hides no use of admin
    assert entries(caplog)[-1][0] == "admin"
