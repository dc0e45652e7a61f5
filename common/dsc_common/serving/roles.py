"""Roles: what a caller may do; each may also do what those before it may."""

from enum import StrEnum


class Role(StrEnum):
    """The rights of a caller, from the least to the most."""

    READ = "read"  # queries
    DEVICE = "device"  # and codebooks
    ADMIN = "admin"  # and changes

    def may(self, needed: "Role") -> bool:
        """Whether this role has the rights of another."""
        order = list(Role)
        return order.index(self) >= order.index(needed)
