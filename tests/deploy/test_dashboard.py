"""The dashboard: queries that Prometheus parses, panels beside each other, the data source that there is.

That each metric is exported by a service is in tests/integration/test_seen.py.
"""

import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from helpers.promtool import promtool

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
PANELS: list[dict[str, Any]] = json.loads((GRAFANA / "dashboards" / "dsc.json").read_text())["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]


def rules_of(queries: list[str]) -> str:
    """Recording rules, which promtool parses."""
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, query in enumerate(queries)
    ]
    return json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})  # JSON is YAML


def check(folder: Path, queries: list[str]) -> subprocess.CompletedProcess[str]:
    path = folder / "rules.yml"
    path.write_text(rules_of(queries))
    return subprocess.run([promtool(), "check", "rules", path], capture_output=True, text=True, check=False)


def test_prometheus_parses_each_query(tmp_path: Path) -> None:
    done = check(tmp_path, QUERIES)
    assert done.returncode == 0, done.stderr
    assert f"{len(QUERIES)} rules found" in done.stdout
    assert "$" not in rules_of(QUERIES)


def test_a_query_that_it_does_not_parse_is_noticed(tmp_path: Path) -> None:
    assert check(tmp_path, [*QUERIES, "rate(dsc_requests_total)"]).returncode != 0


def test_panels_have_titles_of_their_own_and_do_not_overlap() -> None:
    assert len({panel["title"] for panel in PANELS}) == len({panel["id"] for panel in PANELS}) == len(PANELS)
    for one, other in itertools.combinations([panel["gridPos"] for panel in PANELS], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    assert {panel["gridPos"]["x"] + panel["gridPos"]["w"] for panel in PANELS} <= {8, 16, 24}


def test_panels_ask_the_data_source_that_is_provisioned() -> None:
    asked = {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]}
    (uid,) = asked
    text = (GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text()
    assert f"uid: {uid} " in text


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_targets_of_a_panel_have_letters_of_their_own(panel: dict[str, Any]) -> None:
    letters = [target["refId"] for target in panel["targets"]]
    assert letters == sorted(set(letters))
