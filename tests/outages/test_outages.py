"""A server that is killed, or stopped, behind its channel; `make outages` has every outage."""

from pathlib import Path

import pytest

from dsc_eval.load.calling import Method
from outages.__main__ import prepare
from outages.outage import ALL, Event, Outage, see

HIDDEN = Outage("server", Event.STOPPED, Method.TRANSMIT)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Method, bytes]]:
    return prepare(tmp_path_factory.mktemp("outages"))


def test_no_request_through_the_channel_is_lost_when_the_server_is_restarted(
    prepared: tuple[Path, dict[Method, bytes]],
) -> None:
    seen = see(HIDDEN, *prepared)
    assert not seen.fault()
    assert not seen.errors


@pytest.mark.slow
@pytest.mark.parametrize("outage", [outage for outage in ALL if outage != HIDDEN], ids=str)
def test_every_outage_is_over_in_time(outage: Outage, prepared: tuple[Path, dict[Method, bytes]]) -> None:
    assert not see(outage, *prepared).fault()
