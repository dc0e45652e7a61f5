"""Settings of an experiment: from the TOML file beside its module, or from a file of the user."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dsc_common.errors import InvalidInputError
from dsc_eval.scheme_names import SchemeNames
from dsc_server.receiving.registry import ALIASES, RECEIVERS
from dsc_server.scheme_specs import SCHEMES, Partitioning, SchemeSpec

MAX_SEEDS = 1 << 31  # Faiss takes 31 bits

# Texts of settings that several experiments have.
RECEIVERS_HELP = f"Receivers: {', '.join((*RECEIVERS, *ALIASES))}."
POINTS_HELP = "SNRs in dB; inf is no noise."
SIMULATE_HELP = "output files label them as simulated"


class ExperimentSettings(BaseModel):
    """Settings of every experiment; one with a description is an option of the experiment's command.

    Attributes:
        schemes: schemes with changes, in the syntax of `parse_scheme`.
        seed: seed of k-means, rotations, simulated images, noise and the bootstrap.
        index_seed: seed of k-means and rotations, where it is another; each one gives another index.
        seeds: number of indexes measured, each with the next index seed.
        recall_at: length at which the list of a scheme without a head is cut for its recall.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    schemes: SchemeNames = Field(min_length=1, description=f"Schemes: {', '.join(SCHEMES)}.")
    seed: int = Field(default=0, ge=0, lt=MAX_SEEDS, description="Seed of everything that is random.")
    index_seed: int | None = Field(
        default=None,
        ge=0,
        lt=MAX_SEEDS,
        description="Seed of k-means and rotations; default: --seed.",
    )
    seeds: int = Field(
        default=1,
        ge=1,
        le=100,
        description="Number of index seeds, from the first one on; NAME.seeds.csv has mean and spread.",
    )
    recall_at: int | None = Field(
        default=None,
        ge=1,
        description="Length at which the list of a scheme without a head is cut for its recall.",
    )

    @model_validator(mode="after")
    def _seeds_in_range(self) -> "ExperimentSettings":
        if self.of_index + self.seeds > MAX_SEEDS:
            raise ValueError(f"expected index seeds below {MAX_SEEDS}, got {self.seeds} from {self.of_index}")
        return self

    @property
    def of_index(self) -> int:
        """The seed of k-means and rotations."""
        return self.seed if self.index_seed is None else self.index_seed

    def recall_cut(self, spec: SchemeSpec) -> int | None:
        """Where the list of this scheme is cut for its recall; None for nowhere."""
        return self.recall_at if spec.partitioning is Partitioning.NONE else None


SHIPPED = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.toml")))


def _shipped(path: Path) -> Path:
    """The file of a name that ships, where no file has this name."""
    if str(path) in SHIPPED and not path.is_file():
        return Path(__file__).with_name(f"{path}.toml")
    return path


_Settings = TypeVar("_Settings", bound=BaseModel)


def load_settings(kind: type[_Settings], name: str, path: Path | None = None, **chosen: object) -> _Settings:
    """Settings of the experiment `name`: from `path`, or those that ship with it.

    Args:
        kind: type of the settings.
        name: of the experiment.
        path: a TOML file, or the name of one that ships, such as `fig3-paper`.
        chosen: put over the file's, unless None.

    Raises:
        InvalidInputError: the file cannot be read, or the settings are not what the experiment expects.
    """
    path = _shipped(path or Path(name))
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidInputError(
            f"cannot read {path}: {error.strerror} (settings that ship: {', '.join(SHIPPED)})"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} is no TOML file: {error}") from error
    return validated(kind, name, read | {key: value for key, value in chosen.items() if value is not None})


def validated(kind: type[_Settings], name: str, values: Mapping[str, object]) -> _Settings:
    """Settings of a type; `name` is that of the experiment or benchmark.

    Raises:
        InvalidInputError: the values are not as expected; one line.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "all of them"
        raise InvalidInputError(
            f"settings of {name}: {place}: {first['msg'].removeprefix('Value error, ')}"
        ) from error
