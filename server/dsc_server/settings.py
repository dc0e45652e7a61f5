"""Settings of the server role, from the environment (DSC_SERVER_…) or the command line."""

from dataclasses import fields
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from dsc_common.serving.settings import ServingSettings
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.receiving.registry import DEFAULT_RECEIVER


class ServerSettings(ServingSettings):
    """Settings of `dsc-server serve`: index, address, receiver, bounds on the work."""

    model_config = SettingsConfigDict(env_prefix="DSC_SERVER_")

    index: Path
    listen: str = "127.0.0.1:50051"
    wait_for_index_s: float = Field(0.0, ge=0)
    threads: int | None = Field(None, ge=1)
    receiver: str = DEFAULT_RECEIVER

    # The fields of SearchLimits.
    max_candidates: int = Field(DEFAULT_LIMITS.max_candidates, ge=1)
    max_partitions: int = Field(DEFAULT_LIMITS.max_partitions, ge=1)
    rerank_depth: int = Field(DEFAULT_LIMITS.rerank_depth, ge=1)
    labels_per_slot: int = Field(DEFAULT_LIMITS.labels_per_slot, ge=1)
    scrambled_labels: int = Field(DEFAULT_LIMITS.scrambled_labels, ge=1)
    likely_codewords: int = Field(DEFAULT_LIMITS.likely_codewords, ge=1)

    @property
    def search_limits(self) -> SearchLimits:
        """Bounds on the work of one query."""
        return SearchLimits(**{field.name: getattr(self, field.name) for field in fields(SearchLimits)})
