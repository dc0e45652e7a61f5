"""A device that is killed 15 times; `make crash` kills it 200 times."""

from pathlib import Path

import pytest

from crash.__main__ import build_index
from crash.campaign import run_campaign


def test_no_query_is_lost_or_doubled_by_kills(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "campaign").mkdir()
    seed = int.from_bytes(tmp_path.name.encode()[-4:], "little")
    campaign = run_campaign(tmp_path / "campaign", build_index(tmp_path), 15, seed)
    assert campaign.faults == [], f"seed {seed}"
    assert campaign.killed == 15
    assert set(campaign.answered.values()) == {1}
