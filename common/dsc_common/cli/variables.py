"""Environment variables that are refused: misspelt settings, and those that must not be empty."""

import os
import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from dsc_common.errors import SettingError

PROJECT = "DSC_"
# Kubernetes sets these in every container of a namespace with a service of that name.
_SERVICE_LINK = r"(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
_NEARLY = 0.9  # similarity from which a variable with another prefix is a misspelt one


def require_known_variables(prefix: str, fields: Iterable[str], others: Iterable[str] = ()) -> None:
    """Raise SettingError if a variable with the prefix is no setting, or if one nearly has a setting's name.

    Variables of other roles are left alone, as one environment may serve several.

    Args:
        prefix: prefix of the role's variables, such as DSC_DEVICE_.
        fields: names of the settings.
        others: further variables of the role, in full.
    """
    known = {f"{prefix}{field.upper()}" for field in fields} | set(others)
    link = re.compile(prefix + _SERVICE_LINK)
    for name in sorted(name.upper() for name in os.environ):
        if not name.startswith(PROJECT) or name in known or link.fullmatch(name):
            continue
        ours = name.startswith(prefix)
        close = get_close_matches(name, sorted(known), n=1, cutoff=0.6 if ours else _NEARLY)
        if ours or (close and not _is_of_other_role(name, prefix)):
            hint = f"; did you mean {close[0]}?" if close else ""
            raise SettingError(f"unknown setting {name} in the environment{hint}")


def require_filled(names: Collection[str]) -> None:
    """Raise SettingError if one of the variables is set and empty."""
    for name, value in os.environ.items():
        if name.upper() in names and not value:
            raise SettingError(f"{name}: expected a value, got an empty one; unset it to do without")


def _is_of_other_role(name: str, prefix: str) -> bool:
    roles = {f"{PROJECT}{role}_" for role in ("SERVER", "CHANNEL", "DEVICE")} - {prefix}
    return any(name.startswith(role) for role in roles)
