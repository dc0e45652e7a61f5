"""promtool: from PROMTOOL, the search path, or `make monitoring-check`; a test that has none skips."""

import os
import shutil
from pathlib import Path

import pytest

UNPACKED = Path(__file__).parents[2] / ".prometheus" / "usr" / "bin" / "promtool"


def promtool() -> str:
    """Path of promtool."""
    for path in (os.environ.get("PROMTOOL"), shutil.which("promtool"), str(UNPACKED)):
        if path and os.access(path, os.X_OK):
            return path
    pytest.skip("promtool is not installed: make monitoring-check gets it")
