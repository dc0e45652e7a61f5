"""The loss of mAP with another network, as the evaluation writes it for one index and one network."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dsc_common.errors import InvalidInputError


class MeasuredLoss(BaseModel):
    """A measured loss; further fields describe how it was measured.

    Attributes:
        codebook_version: of the index that was asked.
        model_sha256: of the other network.
        map_loss: mAP of queries with the network of the index, minus that of queries with the other.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)
    codebook_version: str
    model_sha256: str
    map_loss: float = Field(ge=-1, le=1)


def read_loss(path: Path) -> MeasuredLoss:
    """The content of a file.

    Raises:
        InvalidInputError: the file cannot be read, or holds no loss.
    """
    try:
        return MeasuredLoss.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InvalidInputError(f"{path} holds no measured loss: {place}: {first['msg']}") from error
