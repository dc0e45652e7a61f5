"""Serving runs without Faiss, torch, ONNX Runtime and Pillow; building names the extra that it lacks."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from dsc_demo.processes import ServiceProcess
from helpers.real_processes import System, run, start_channel

WITHOUT = """
import sys
for name in ("faiss", "torch", "onnxruntime", "PIL", "rich", "scipy", *{more}):
    sys.modules[name] = None
from dsc_server.main import main
sys.argv[0] = "dsc-server"
main()
"""


QUERY = """
import sys
from pathlib import Path
import numpy as np
import dsc_server.main
from dsc_common.radio.link import ReceivedSignal
from dsc_common.radio.modes import Mode
from dsc_common.retrieval.options import RetrievalOptions
from dsc_server.index.files import read_index
from dsc_server.ranking.preparing import prepare
from dsc_server.receiving.registry import RECEIVERS
from dsc_server.retrieval import retrieve
from dsc_server.serving.services import services
loaded = read_index(Path(sys.argv[1]))
prepare(loaded.index)
samples = np.random.default_rng(0).standard_normal(8 * loaded.index.format.packet_bytes)
signal = ReceivedSignal(Mode.BPSK, samples.astype(np.float32), 1.0)
for receiver in RECEIVERS:
    found = retrieve(loaded.index, loaded.catalogue, [signal], RetrievalOptions(receiver=receiver))
print(len(found.images), *{"faiss", "torch", "onnxruntime", "PIL", "rich"} & sys.modules.keys())
"""


def without_extras(*arguments: str | Path, more: Sequence[str] = ()) -> list[str]:
    return [sys.executable, "-c", WITHOUT.format(more=list(more)), *map(str, arguments)]


@pytest.mark.parametrize("more", [[], ["numba"]])
def test_an_index_is_served_and_asked(system: System, tmp_path: Path, more: list[str]) -> None:
    command = without_extras("serve", "--index", system.index, "--listen", "127.0.0.1:0", more=more)
    with ServiceProcess("server", command) as server, start_channel(server.address) as channel:
        places = ("--server", server.address, "--channel", channel.address, "--cache", tmp_path)
        asked = run("dsc_device", "query", system.queries[0], "--snr-db", "0", "--json", *places)
        assert asked.returncode == 0, asked.stderr
        assert asked.stdout.count("\n") == 1


def test_neither_starting_nor_a_query_loads_what_building_needs(system: System) -> None:
    command = [sys.executable, "-c", QUERY, str(system.index)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    images, *loaded = done.stdout.split()
    assert int(images) > 0
    assert loaded == []


def test_an_index_is_described(system: System) -> None:
    command = without_extras("info", "--index", system.index)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "scheme" in done.stdout


def test_building_names_the_extra_that_it_lacks(system: System, tmp_path: Path) -> None:
    command = without_extras("build", system.photos, "--index", tmp_path / "index", "--model", system.model)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: building needs the extra `build` of deep-semantic-coding: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "index").exists()
