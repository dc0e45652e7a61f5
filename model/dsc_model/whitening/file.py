"""A whitening as a safetensors file, with the network and the data that it was learned from."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from dsc_common.errors import InvalidInputError
from dsc_model.model_file import write_whole

FORMAT = "dsc-whitening-1"
MAX_BYTES = 512 << 20


@dataclass(frozen=True, eq=False)
class Whitening:
    """z = W^T (q - μ), learned from matched pairs.

    Attributes:
        mean: (F,) float32, μ.
        projection: (F, F) float32, W; directions in descending order of variance.
        model_sha256: hash of the network of the features, lower-case hexadecimal.
        data: name of the data that the pairs are from.
        pairs: number of pairs.
    """

    mean: NDArray[np.float32]
    projection: NDArray[np.float32]
    model_sha256: str
    data: str
    pairs: int

    def __post_init__(self) -> None:
        dim = self.mean.size
        if self.mean.shape != (dim,) or self.projection.shape != (dim, dim) or not dim:
            raise InvalidInputError(
                f"expected a mean (F,) and a projection (F, F), "
                f"got {self.mean.shape} and {self.projection.shape}"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.projection).all()):
            raise InvalidInputError("expected finite numbers, got others")
        if re.fullmatch("[0-9a-f]{64}", self.model_sha256) is None:
            raise InvalidInputError(f"expected 64 hexadecimal digits of a SHA-256, got {self.model_sha256!r}")
        if self.pairs < 1:
            raise InvalidInputError(f"expected at least one pair, got {self.pairs}")

    @property
    def source(self) -> str:
        """Data and number of pairs, for a person."""
        return f"{self.pairs:,} pairs of {self.data}"

    def require_fit(self, feature_dim: int, model_sha256: str = "") -> None:
        """Raise InvalidInputError unless it was learned from such features.

        Args:
            feature_dim: F of the features.
            model_sha256: hash of their network; empty: not known.
        """
        if model_sha256 and model_sha256 != self.model_sha256:
            raise InvalidInputError(
                f"expected a whitening of the network {model_sha256[:16]}…, "
                f"got one of {self.model_sha256[:16]}… (SHA-256)"
            )
        if feature_dim != self.mean.size:
            raise InvalidInputError(f"expected a whitening with F = {feature_dim}, got F = {self.mean.size}")


def write_whitening(path: Path, whitening: Whitening) -> None:
    """Write the file, whole or not at all; the inverse of `read_whitening`.

    Raises:
        DscError: it cannot be written.
    """
    metadata = {
        "format": FORMAT,
        "model_sha256": whitening.model_sha256,
        "feature_dim": str(whitening.mean.size),
        "data": whitening.data,
        "pairs": str(whitening.pairs),
    }
    tensors = {"mean": whitening.mean, "projection": np.ascontiguousarray(whitening.projection)}
    write_whole(path, save(tensors, metadata), "the whitening")


def read_whitening(path: Path) -> Whitening:
    """Read a file of `dsc-model whiten`.

    Raises:
        InvalidInputError: it cannot be read, or is no such file.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InvalidInputError(
                f"expected a whitening of at most {MAX_BYTES:,} bytes, got {size:,}: {path}"
            )
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT or sorted(file.keys()) != ["mean", "projection"]:
                raise InvalidInputError(f"expected a file of `dsc-model whiten` ({FORMAT}), got {path}")
            mean, projection = (_float32(file.get_tensor(name), name) for name in ("mean", "projection"))
            pairs = int(metadata["pairs"])
        return Whitening(mean, projection, metadata["model_sha256"], metadata["data"], pairs)
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise InvalidInputError(f"{path} is no safetensors file: {str(error).splitlines()[0]}") from error
    except InvalidInputError as error:
        raise error if str(path) in str(error) else InvalidInputError(f"{path}: {error}") from error
    except (KeyError, ValueError) as error:
        raise InvalidInputError(f"{path} is damaged: its metadata lacks {error}") from error


def _float32(array: NDArray[np.generic], name: str) -> NDArray[np.float32]:
    if array.dtype != np.float32:
        raise InvalidInputError(f"expected {name} in float32, got {array.dtype}")
    return array.astype(np.float32, copy=False)
