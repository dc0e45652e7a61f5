"""Settings of the server role, from the environment (DSC_SERVER_…) or the command line."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from dsc_common.serving.settings import ServingSettings
from dsc_server.receiving.registry import DEFAULT_RECEIVER


class ServerSettings(ServingSettings):
    """Where `dsc-server serve` finds its index and where it listens."""

    model_config = SettingsConfigDict(env_prefix="DSC_SERVER_")

    index: Path
    listen: str = "127.0.0.1:50051"
    wait_for_index_s: float = Field(0.0, ge=0)
    threads: int | None = Field(None, ge=1)
    receiver: str = DEFAULT_RECEIVER
