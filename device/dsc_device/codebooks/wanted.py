"""A file that a device needs from its server."""

from dataclasses import dataclass
from typing import Self

from dsc_common.codebook.manifest import Artifact, ArtifactKind
from dsc_common.errors import DamagedIndexError

MAX_FILE_BYTES = 8 << 30


@dataclass(frozen=True)
class Wanted:
    """A file of a manifest.

    Attributes:
        file: its size and hash.
        name: what it is, for a person.
        suffix: suffix of its name in the cache.
        kind: its kind, if a server of version 0.2.0 offers it, too.
    """

    file: Artifact
    name: str
    suffix: str
    kind: ArtifactKind | None = None

    def __post_init__(self) -> None:
        if self.file.size_bytes > MAX_FILE_BYTES:
            raise DamagedIndexError(f"the server offers no {self.name} of at most {MAX_FILE_BYTES >> 30} GiB")

    @classmethod
    def artifact(cls, kind: ArtifactKind, artifacts: dict[ArtifactKind, Artifact]) -> Self:
        """The file of a kind; DamagedIndexError if the server offers none, or one that is too large."""
        if kind not in artifacts:
            raise DamagedIndexError(f"the server offers no {kind} of at most {MAX_FILE_BYTES >> 30} GiB")
        return cls(artifacts[kind], str(kind), str(kind), kind)

    @classmethod
    def model(cls, file: Artifact, kind: ArtifactKind | None) -> Self:
        """A network; its kind, if it is the one of the index."""
        return cls(file, str(ArtifactKind.MODEL), str(ArtifactKind.MODEL), kind)

    @classmethod
    def codewords(cls, file: Artifact) -> Self:
        """C of a codebook in parts."""
        return cls(file, "file of codewords", "codewords")

    @classmethod
    def words(cls, file: Artifact) -> Self:
        """R^i of a partition."""
        return cls(file, "sub-codebook", "words")
