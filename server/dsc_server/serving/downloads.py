"""What devices download from an index: files, and the codebook in parts where each partition has its R^i.

Parts are not files on disk. Each is a header and a block of the words in memory, so that they take no room.
"""

import hashlib
import re
from dataclasses import replace
from typing import Protocol

from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.manifest import Artifact, ArtifactKind, CodebookParts, Manifest
from dsc_common.codebook.parts import codewords_to_bytes, words_file
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import Payload
from dsc_server.index.files import LoadedIndex

MAX_PARTS = 1 << 14  # their hashes are 1.2 MB of the manifest, which a gRPC client takes up to 4 MB of


class Content(Protocol):
    """Bytes of a file, by slices."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


class Downloads:
    """The files of an index, by kind and by hash.

    Args:
        loaded: the index.

    Attributes:
        offer: the manifest that names them.
    """

    def __init__(self, loaded: LoadedIndex) -> None:
        self._by_kind: dict[ArtifactKind, Content] = dict(loaded.artifacts)
        offer = loaded.manifest.offer()
        self._by_hash: dict[str, Content] = dict(loaded.further_models)
        self._by_hash |= {offer.artifacts[kind].sha256: file for kind, file in self._by_kind.items()}
        self.offer: Manifest = replace(offer, parts=self._parts(loaded))

    def of_kind(self, kind: ArtifactKind) -> Content:
        """The file of a kind; InvalidInputError if the index has none."""
        if kind not in self._by_kind:
            raise InvalidInputError(f"this index has no {kind}: its features were extracted elsewhere")
        return self._by_kind[kind]

    def of_hash(self, sha256: str) -> Content:
        """The file with a SHA-256 in lower-case hexadecimal; InvalidInputError if there is none."""
        if re.fullmatch("[0-9a-f]{64}", sha256) is None:
            raise InvalidInputError(f"expected 64 hexadecimal digits of a SHA-256, got {sha256[:80]!r}")
        if sha256 not in self._by_hash:
            raise InvalidInputError(f"this index has no file of SHA-256 {sha256}")
        return self._by_hash[sha256]

    def _parts(self, loaded: LoadedIndex) -> CodebookParts | None:
        codebook = loaded.index.codebook
        if loaded.index.format.payload is not Payload.CODES or not 1 < codebook.num_partitions <= MAX_PARTS:
            return None
        codewords = codewords_to_bytes(codebook)
        return CodebookParts(
            self._added(codewords, hashlib.sha256(codewords).hexdigest()),
            tuple(self._part(codebook, label) for label in range(codebook.num_partitions)),
        )

    def _part(self, codebook: Codebook, label: int) -> Artifact:
        file = words_file(codebook, label)
        digest = hashlib.sha256()
        for block in file.blocks():
            digest.update(block)
        return self._added(file, digest.hexdigest())

    def _added(self, content: Content, sha256: str) -> Artifact:
        self._by_hash[sha256] = content
        return Artifact(len(content), sha256)
