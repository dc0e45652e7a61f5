"""What a device downloads when, and how much of it is kept."""

from enum import StrEnum

DEFAULT_MAX_BYTES = 4096 << 20  # of the folder of downloads


class Codebooks(StrEnum):
    """When sub-codebooks are downloaded, where each partition has its R^i."""

    FULL = "full"  # all at the start
    ON_DEMAND = "on-demand"  # each when a query first needs it
