"""Settings of logs and metrics, which every service has; a device has those of logs."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from dsc_common.cli.settings import MAX_WAIT_S
from dsc_common.errors import InvalidInputError
from dsc_common.serving.address import ListenAddress, is_loopback


class LogFormat(StrEnum):
    """Form of the lines of a process: for people, or a JSON object each."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """Lowest level of the lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogSettings(BaseSettings):
    """Form and lowest level of log lines."""

    log_format: LogFormat = LogFormat.TEXT
    log_level: LogLevel = LogLevel.WARNING


class ObservingSettings(LogSettings):
    """Logs and metrics of a service."""

    slow_request_s: float = Field(1.0, gt=0, le=MAX_WAIT_S)
    metrics: ListenAddress | None = None
    metrics_beyond_loopback: bool = False

    @model_validator(mode="after")
    def _require_loopback(self) -> Self:
        if self.metrics is not None and not self.metrics_beyond_loopback and not is_loopback(self.metrics):
            variable = f"{self.model_config.get('env_prefix', '')}METRICS_BEYOND_LOOPBACK"
            raise InvalidInputError(
                f"metrics are plain HTTP, which everyone may read: expected an address of the loopback "
                f"interface for them, or {variable}=true, got {self.metrics}"
            )
        return self
