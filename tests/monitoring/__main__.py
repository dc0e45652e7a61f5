"""`make monitoring-run`: server, channel and Prometheus under a little load, and what one sees of them."""

import json
import re
import socket
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import trustme

from dsc_common.cli.streams import show
from dsc_demo.processes import ChildProcess, ServiceProcess
from helpers.real_processes import run, start_channel, start_server
from helpers.scraping import fetch, fetch_json, metrics_url
from helpers.small_index import write_small_index

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRAPE_S = 1
LIMIT_S = 90.0
LOAD_S = 12
WINDOW_S = 60


def main() -> None:
    """Run it with the program that the command line names; exit code 1 if something is not shown."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        failed = _run(Path(folder), sys.argv[1], stack)
    show(f"took {time.monotonic() - begun:.0f} s; {failed} failed")
    sys.exit(failed > 0)


def _run(folder: Path, program: str, stack: ExitStack) -> int:
    features = write_small_index(folder)
    certificate, key, authority = _certificate(folder)
    metrics = ("--metrics", "127.0.0.1:0")
    tls = ("--tls-certificate", certificate, "--tls-key", key)
    server = stack.enter_context(start_server(folder / "index", *metrics, *tls))
    channel = start_channel(server.address, *metrics, "--server-tls-ca", authority)
    stack.callback(channel.stop)
    channel.start()
    address = stack.enter_context(_prometheus(folder, program, server, channel))
    _load(features, server, channel, authority)
    rows = [(title, query, _value(address, query)) for title, query in _queries()]
    for title, query, value in rows:
        show(f"{'ok     ' if value is not None else 'NO DATA'} {title}: {query} = {value}")
    quiet = _firing(address)
    show(f"alerts before: {sorted(quiet) or 'none'}")
    channel.stop()
    seconds = _until(lambda: "ServiceDown" in _firing(address))
    fires = f"fires after {seconds:.0f} s" if seconds else "does not fire"
    show(f"channel stopped: ServiceDown {fires}")
    return sum(value is None for *_, value in rows) + (not seconds) + len(quiet)


def _certificate(folder: Path) -> tuple[Path, Path, Path]:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    paths = (folder / "server.pem", folder / "key.pem", folder / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(paths[0])
    issued.private_key_pem.write_to_path(paths[1])
    authority.cert_pem.write_to_path(paths[2])
    return paths


@contextmanager
def _prometheus(folder: Path, program: str, server: ServiceProcess, channel: ServiceProcess) -> Iterator[str]:
    """Prometheus with the configuration of deploy/, but for addresses and intervals: its address."""
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    for name, process in (("server:50061", server), ("channel:50062", channel)):
        text = text.replace(name, urllib.parse.urlsplit(metrics_url(process.stderr_lines)).netloc)
    (folder / "prometheus.yml").write_text(re.sub(r"_interval: \d+s", f"_interval: {SCRAPE_S}s", text))
    (folder / "alerts.yml").write_text((DEPLOY / "prometheus" / "alerts.yml").read_text())
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = (f"--web.listen-address={address}", f"--storage.tsdb.path={folder / 'data'}")
    command = [program, f"--config.file={folder / 'prometheus.yml'}", *options]
    with ChildProcess("prometheus", command) as process:
        if not _until(lambda: process.returncode is not None or _is_ready(address)) or process.returncode:
            raise SystemExit("\n".join(process.stderr_lines))
        yield f"http://{address}/api/v1"


def _is_ready(address: str) -> bool:
    try:
        return bool(fetch(f"http://{address}/-/ready"))
    except OSError:
        return False


def _load(features: Path, server: ServiceProcess, channel: ServiceProcess, authority: Path) -> None:
    """Queries over a noisy link, and devices that send again what arrived badly."""
    common = ("--features", features, "--cache", features.parent / "cache", "--server", server.address)
    places = (*common, "--channel", channel.address, "--server-tls-ca", authority)
    noisy = ("dsc_device", "query", *places, "--snr-db=-6", "--policy", "resend")
    with ThreadPoolExecutor(1) as pool:
        resending = pool.submit(run, *noisy)
        loading = run("dsc_eval", "load", "transmit", *places, "--clients", "2", "--seconds", str(LOAD_S))
    for done in (resending.result(), loading):
        if done.returncode:
            raise SystemExit(done.stderr)
    show(loading.stdout)


def _queries() -> list[tuple[str, str]]:
    panels = json.loads((DEPLOY / "grafana" / "dashboards" / "dsc.json").read_text())["panels"]
    pairs = [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]
    return [(title, query.replace("$__rate_interval", f"{WINDOW_S}s")) for title, query in pairs]


def _value(address: str, query: str) -> str | None:
    """The first value of a query in words, with the number of series; None if there is no number."""
    reply: Any = fetch_json(f"{address}/query?{urllib.parse.urlencode({'query': query})}")
    values = [float(each["value"][1]) for each in reply["data"]["result"]]
    numbers = [value for value in values if value == value]  # noqa: PLR0124 (not NaN)
    return f"{numbers[0]:.6g} ({len(values)} series)" if numbers else None


def _firing(address: str) -> set[str]:
    reply: Any = fetch_json(f"{address}/alerts")
    return {each["labels"]["alertname"] for each in reply["data"]["alerts"] if each["state"] == "firing"}


def _until(condition: Callable[[], bool]) -> float:
    """Seconds until a condition holds; 0 if it does not in time."""
    begun = time.monotonic()
    while time.monotonic() < begun + LIMIT_S:
        if condition():
            return max(time.monotonic() - begun, 1e-3)
        time.sleep(0.1)
    return 0.0


if __name__ == "__main__":
    main()
