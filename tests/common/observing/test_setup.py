"""The address of the metrics: loopback unless asked otherwise, errors of one line, what is read over HTTP."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from dsc_channel.settings import ChannelSettings
from dsc_common.cli.settings import read_settings
from dsc_common.errors import DscError, SettingError
from dsc_common.observing.registry import Registry
from dsc_common.observing.service_metrics import watch_certificate
from dsc_common.observing.settings import ObservingSettings
from dsc_common.observing.setup import observing
from helpers.real_processes import run
from helpers.scraping import fetch, metrics_url

WITHOUT = "import sys; sys.modules['prometheus_client'] = None; from dsc_channel.main import main; main()"


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.8.8.8:1", "[::1]:1", "localhost:1"])
def test_metrics_are_served_on_the_loopback_interface(address: str) -> None:
    assert ObservingSettings(metrics=address).metrics == address


@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "server:1", "localhost.example:1"])
def test_elsewhere_they_need_consent(address: str) -> None:
    with pytest.raises(SettingError, match="DSC_CHANNEL_METRICS_BEYOND_LOOPBACK=true, got "):
        read_settings(ChannelSettings, metrics=address)
    settings = read_settings(ChannelSettings, metrics=address, metrics_beyond_loopback=True)
    assert settings.metrics == address


def test_they_are_read_over_http_while_the_service_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with observing(ObservingSettings(metrics="127.0.0.1:0"), "channel") as observer:
        url = metrics_url(capsys.readouterr().err.splitlines())
        assert observer.registry is not None
        observer.registry.counter("things", "Things.").inc(3)
        text = fetch(url)
    assert "\ndsc_things_total 3.0\n" in text
    assert 'dsc_service_info{role="channel",version="' in text
    assert "\nprocess_open_fds " in text
    assert "_created" not in text
    with pytest.raises(OSError, match="refused"):
        fetch(url)


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with (
            pytest.raises(DscError, match=f"^cannot listen on {address} for metrics: address already"),
            observing(ObservingSettings(metrics=address), "server"),
        ):
            pass


def test_without_the_extra_they_are_refused_in_one_line() -> None:
    command = [sys.executable, "-c", WITHOUT, "serve", "--metrics", "127.0.0.1:0", "--listen", "127.0.0.1:0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: metrics need the extra `metrics` of deep-semantic-coding: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("module", ["dsc_device", "dsc_channel", "dsc_server"])
def test_without_metrics_their_library_is_not_loaded(module: str) -> None:
    code = f"import sys, {module}.main; print({{'prometheus_client', 'cryptography'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_end_of_a_certificate_is_read_each_time(tmp_path: Path) -> None:
    registry, path = Registry(), tmp_path / "server.pem"
    watch_certificate(registry, path)
    metric = "dsc_certificate_ends_seconds"
    assert str(registry.collectors.get_sample_value(metric)) == "nan"
    issued = trustme.CA().issue_cert("localhost").cert_chain_pems[0].bytes()
    path.write_bytes(issued)
    first = registry.collectors.get_sample_value(metric)
    assert first is not None
    assert first > 1.7e9
    path.write_text("no certificate")
    assert str(registry.collectors.get_sample_value(metric)) == "nan"


def test_a_wrong_level_names_those_that_exist() -> None:
    done = run("dsc_channel", "serve", "--log-level", "loud")
    assert done.returncode == 2
    assert "debug, info, warning, error" in done.stderr
