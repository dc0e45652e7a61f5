"""Names of schemes as settings: each is checked when the settings are, before anything is measured."""

from typing import Annotated

from pydantic import AfterValidator

from dsc_server.scheme_specs import parse_scheme


def _known(name: str) -> str:
    parse_scheme(name)
    return name


def _each_once(names: list[str]) -> list[str]:
    return list(dict.fromkeys(_known(name) for name in names))  # each is measured once


SchemeName = Annotated[str, AfterValidator(_known)]
SchemeNames = Annotated[list[str], AfterValidator(_each_once)]
