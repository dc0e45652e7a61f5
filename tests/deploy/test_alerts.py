"""The alerts: each has a unit test and a line in the docs; promtool accepts them, and its tests can fail."""

import re
import shutil
import subprocess
from pathlib import Path

from helpers.promtool import promtool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
ALERTS = re.findall(r"- alert: (\w+)", (FOLDER / "alerts.yml").read_text())


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool(), *arguments], capture_output=True, text=True, check=False)


def test_each_alert_has_a_unit_test_in_which_it_fires() -> None:
    text = (FOLDER / "alerts.test.yml").read_text()
    fires = set(re.findall(r"alertname: (\w+)\n +exp_alerts:\n", text))
    assert len(ALERTS) >= 10
    assert fires == set(ALERTS)


def test_each_alert_is_explained() -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text()
    assert [alert for alert in ALERTS if f"| `{alert}` |" not in text] == []


def test_configuration_and_rules_are_valid() -> None:
    done = run("check", "config", FOLDER / "prometheus.yml")
    assert done.returncode == 0, done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


def test_unit_tests_pass_and_notice_a_rule_that_never_fires(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "prometheus")
    assert run("test", "rules", folder / "alerts.test.yml").returncode == 0
    rules = (folder / "alerts.yml").read_text()
    for threshold, other in (("> 0.01", "> 0.9"), ("== 0\n        for: 30s", "== 0\n        for: 3h")):
        assert threshold in rules
        (folder / "alerts.yml").write_text(rules.replace(threshold, other))
        assert run("test", "rules", folder / "alerts.test.yml").returncode != 0
