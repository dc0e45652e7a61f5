"""Settings: bounds on every number, errors that name the option or the variable, and no misspelt variable."""

import math
import os
from pathlib import Path
from typing import Any

import annotated_types
import pytest
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from dsc_channel.settings import ChannelSettings
from dsc_common.cli.settings import prefix_of, read_settings, require_known_settings
from dsc_common.errors import SettingError
from dsc_common.radio.link import LINK_FIELDS
from dsc_device.settings import DeviceSettings
from dsc_server.settings import ServerSettings
from helpers.commands import environment_variables
from helpers.in_process import run
from helpers.real_processes import only_line

KINDS: tuple[type[BaseSettings], ...] = (DeviceSettings, ChannelSettings, ServerSettings)
LINK = {field.name for field in LINK_FIELDS}
NUMBERS = [
    (kind, name)
    for kind in KINDS
    for name, field in kind.model_fields.items()
    if field.annotation in (int, float, int | None, float | None)
]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DSC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DSC_SERVER_INDEX", "/an/index")


def refusal(kind: type[BaseSettings], **options: object) -> str:
    with pytest.raises(SettingError) as refused:
        read_settings(kind, **options)
    return str(refused.value)


def has_upper_bound(kind: type[BaseSettings], name: str) -> bool:
    field: FieldInfo = kind.model_fields[name]
    return name in LINK or any(isinstance(each, annotated_types.Le) for each in field.metadata)


@pytest.mark.parametrize(("kind", "name"), NUMBERS)
def test_every_number_is_bounded(
    kind: type[BaseSettings], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert has_upper_bound(kind, name)
    variable = f"{prefix_of(kind)}{name.upper()}"
    for wrong in ("nan", "-inf", "1e300", "many"):
        monkeypatch.setenv(variable, wrong)
        said = refusal(kind)
        assert said.startswith(f"{variable}: expected "), said
        assert "got " in said


@pytest.mark.parametrize(("kind", "name"), NUMBERS)
def test_infinity_is_a_value_of_the_snr_alone(
    kind: type[BaseSettings], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{prefix_of(kind)}{name.upper()}", "inf")
    if name == "snr_db":
        assert read_settings(ChannelSettings).snr_db == math.inf
    else:
        refusal(kind)


@pytest.mark.parametrize(
    ("kind", "variables", "said"),
    [
        (
            DeviceSettings,
            {"DSC_DEVICE_THREADS": "abc"},
            "DSC_DEVICE_THREADS: expected a whole number from 1 to 1,024, got 'abc'",
        ),
        (
            DeviceSettings,
            {"DSC_DEVICE_WAIT_S": "0"},
            "DSC_DEVICE_WAIT_S: expected a number above 0 and up to 604,800, got '0'",
        ),
        (
            DeviceSettings,
            {"DSC_DEVICE_SERVER": "nowhere"},
            "DSC_DEVICE_SERVER: expected an address HOST:PORT, got 'nowhere'",
        ),
        (
            DeviceSettings,
            {"DSC_DEVICE_CHANNEL": "somewhere:0"},
            "DSC_DEVICE_CHANNEL: expected an address HOST:PORT with a port from 1, got 'somewhere:0'",
        ),
        (
            ChannelSettings,
            {"DSC_CHANNEL_SNR_DB": "101"},
            "DSC_CHANNEL_SNR_DB: expected an SNR from -100 to 100 dB, or inf, got 101",
        ),
        (
            ChannelSettings,
            {"DSC_CHANNEL_FEC": "turbo"},
            "DSC_CHANNEL_FEC: expected one of none, repetition, ldpc, got 'turbo'",
        ),
        (
            ChannelSettings,
            {"DSC_CHANNEL_MAX_USES": "10", "DSC_CHANNEL_USES": "400"},
            "expected up to 10 uses on this channel, got 400",
        ),
        (
            ServerSettings,
            {"DSC_SERVER_TLS_KEY": "/a.key"},
            "expected both a TLS certificate and its key, got one of them",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_what_was_expected(
    kind: type[BaseSettings], variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert refusal(kind) == said


def test_a_wrong_option_is_named_as_an_option() -> None:
    said = refusal(DeviceSettings, wait_s=math.inf)
    assert said == "--wait-s: expected a number above 0 and up to 604,800, got inf"


def test_a_missing_setting_is_named_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DSC_SERVER_INDEX")
    expected = "expected --index or the environment variable DSC_SERVER_INDEX, got neither"
    assert refusal(ServerSettings) == expected


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        (DeviceSettings, "DSC_DEVICE_TREADS", "; did you mean DSC_DEVICE_THREADS?"),
        (ChannelSettings, "DSC_CHANNEL_SNR_BD", "; did you mean DSC_CHANNEL_SNR_DB?"),
        (DeviceSettings, "DSC_DEVCE_THREADS", "; did you mean DSC_DEVICE_THREADS?"),
        (ServerSettings, "DSC_SERVER_ZZZZZZZZZZZZZZZZZZZZZZZZ", ""),
    ],
)
def test_a_misspelt_variable_is_refused(
    kind: type[BaseSettings], name: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    assert refusal(kind) == f"unknown setting {name} in the environment{hint}"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (DeviceSettings, "DSC_CHANNEL_SNR_BD"),  # for the channel to refuse
        (ServerSettings, "DSC_SERVER_MODEL"),  # of `dsc-server build`
        (ServerSettings, "DSC_SERVER_SERVICE_HOST"),  # Kubernetes
        (ServerSettings, "DSC_SERVER_PORT_50051_TCP_ADDR"),
        (DeviceSettings, "DSC_PURGE"),  # of another project
        (DeviceSettings, "dsc_device_threads"),
        (DeviceSettings, "DSC_DEVICE_SERVER_TLS_CA"),
    ],
)
def test_other_variables_are_left_alone(
    kind: type[BaseSettings], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    read_settings(kind)


def test_variables_of_options_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment_variables():
        monkeypatch.setenv(name, "x")
    for kind in KINDS:
        require_known_settings(kind)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, field in DeviceSettings.model_fields.items():
        monkeypatch.setenv(f"DSC_DEVICE_{name.upper()}", "")
        assert field is not None
    assert read_settings(DeviceSettings).model_dump() == DeviceSettings().model_dump()


@pytest.mark.parametrize(
    ("kind", "name"),
    [(ServerSettings, "tokens"), (ServerSettings, "tls_client_ca"), (ChannelSettings, "tls_client_ca")],
)
def test_an_empty_variable_does_not_let_everyone_in(
    kind: type[BaseSettings], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"{prefix_of(kind)}{name.upper()}"
    monkeypatch.setenv("DSC_DEVICE_SERVER_TLS_CA", "")
    for spelling in (variable, variable.lower()):
        with monkeypatch.context() as environment:
            environment.setenv(spelling, "")
            said = refusal(kind)
            tls: dict[str, Any] = {"tls_certificate": Path("/c"), "tls_key": Path("/k")}
            assert getattr(read_settings(kind, **tls, **{name: Path("/a")}), name) == Path("/a")
        assert said == f"{spelling}: expected a value, got an empty one; unset it to do without"


@pytest.mark.parametrize(
    ("role", "variable"),
    [
        ("server", "DSC_SERVER_TOKENS"),
        ("server", "DSC_SERVER_TLS_CLIENT_CA"),
        ("channel", "DSC_CHANNEL_TLS_CLIENT_CA"),
    ],
)
def test_a_service_does_not_start_with_an_empty_variable_of_access(
    role: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "")
    done = run(f"dsc_{role}", "serve")
    assert done.returncode == 2
    assert only_line(done.stderr).startswith(f"error: {variable}: expected a value, got an empty one; ")


def test_a_path_may_hold_any_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSC_DEVICE_CACHE", "/a/\udcff/b")
    settings: Any = read_settings(DeviceSettings)
    assert os.fsencode(settings.cache) == b"/a/\xff/b"
    assert settings.cache == Path("/a/\udcff/b")
