"""Settings of the server role, from the environment (DSC_SERVER_…) or the command line."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from dsc_common.cli.settings import MAX_WAIT_S
from dsc_common.errors import InvalidInputError
from dsc_common.radio.demodulation import MAX_SIGNALS
from dsc_common.serving.access import Access, OpenAccess
from dsc_common.serving.address import ListenAddress, is_loopback
from dsc_common.serving.limits import SERVER_MESSAGE_BYTES
from dsc_common.serving.settings import MAX_MESSAGE_BYTES, ServingSettings
from dsc_server.index.moved import moving_rule
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.index.word_distances import DEFAULT_MEMORY_BYTES
from dsc_server.receiving.registry import DEFAULT_RECEIVER, receiver_name
from dsc_server.serving.request_limits import DEFAULT_REQUEST_LIMITS, RequestLimits
from dsc_server.tokens.access import TokenAccess

MAX_LIMIT = 1_000_000_000


class ServerSettings(ServingSettings):
    """Settings of `dsc-server serve`: index, address, receiver, bounds on the work."""

    OTHER_VARIABLES: ClassVar = ("DSC_SERVER_MODEL", "DSC_SERVER_FEATURE_STORE")  # of building and evaluating
    NEVER_EMPTY: ClassVar = (*ServingSettings.NEVER_EMPTY, "tokens")
    model_config = SettingsConfigDict(env_prefix="DSC_SERVER_", env_ignore_empty=True)

    index: Path
    listen: ListenAddress = "127.0.0.1:50051"
    max_message_bytes: int = Field(SERVER_MESSAGE_BYTES, ge=1024, le=MAX_MESSAGE_BYTES)
    photos_moved: Annotated[str, AfterValidator(moving_rule)] | None = None
    tokens: Path | None = None
    wait_for_index_s: float = Field(0.0, ge=0, le=MAX_WAIT_S)
    table_memory_mib: int = Field(DEFAULT_MEMORY_BYTES >> 20, ge=0, le=MAX_LIMIT)
    receiver: Annotated[str, AfterValidator(receiver_name)] = DEFAULT_RECEIVER

    # The fields of RequestLimits, and of SearchLimits.
    max_signals: int = Field(DEFAULT_REQUEST_LIMITS.max_signals, ge=1, le=MAX_SIGNALS)
    max_samples: int = Field(DEFAULT_REQUEST_LIMITS.max_samples, ge=1, le=MAX_LIMIT)
    max_candidates: int = Field(DEFAULT_LIMITS.max_candidates, ge=1, le=MAX_LIMIT)
    min_candidates: int = Field(DEFAULT_LIMITS.min_candidates, ge=1, le=MAX_LIMIT)
    max_partitions: int = Field(DEFAULT_LIMITS.max_partitions, ge=1, le=MAX_LIMIT)
    rerank_depth: int = Field(DEFAULT_LIMITS.rerank_depth, ge=1, le=MAX_LIMIT)
    labels_per_slot: int = Field(DEFAULT_LIMITS.labels_per_slot, ge=1, le=MAX_LIMIT)
    scrambled_labels: int = Field(DEFAULT_LIMITS.scrambled_labels, ge=1, le=MAX_LIMIT)
    likely_codewords: int = Field(DEFAULT_LIMITS.likely_codewords, ge=1, le=MAX_LIMIT)

    @property
    def missing(self) -> str:
        """What the server needs before it may serve other machines."""
        if self.tls is None:
            return "--tls-certificate and --tls-key, with --tls-client-ca or --tokens"
        return (
            "" if self.tls_client_ca is not None or self.tokens is not None else "--tls-client-ca or --tokens"
        )

    @property
    def access(self) -> Access:
        """Who may call.

        Raises:
            DscError: the file of tokens cannot be read.
        """
        return OpenAccess() if self.tokens is None else TokenAccess(self.tokens)

    @model_validator(mode="after")
    def _require_tls_for_tokens(self) -> Self:
        if self.tokens is not None and self.tls is None and not is_loopback(self.listen):
            raise InvalidInputError(
                f"--tokens: devices do not send a token in the clear to {self.listen}: "
                "add --tls-certificate and --tls-key (`dsc-server cert` makes certificates)"
            )
        return self

    @property
    def request_limits(self) -> RequestLimits:
        """Bounds on the size of one request."""
        return RequestLimits(self.max_signals, self.max_samples)

    @property
    def search_limits(self) -> SearchLimits:
        """Bounds on the work of one query."""
        return SearchLimits(**{field.name: getattr(self, field.name) for field in fields(SearchLimits)})
