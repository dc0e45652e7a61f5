"""The manifest of an index directory: scheme, packet format, and size and SHA-256 of every file."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from dsc_common.codebook.manifest import AcceptedModel, Artifact, ArtifactKind, Manifest
from dsc_common.errors import DamagedIndexError
from dsc_common.packet.format import HeadCodec, PacketFormat, Payload
from dsc_server.index.receiver_model import ReceiverModel
from dsc_server.scheme_specs import SchemeSpec, parse_scheme

MANIFEST = "manifest.json"
CODEBOOK = "codebook.safetensors"
MODEL = "model.onnx"
LISTS = "lists.safetensors"
CATALOGUE = "catalogue.jsonl"
FEATURES = "features.npy"
SUMMARY = "summary.safetensors"
FILES = (CODEBOOK, MODEL, LISTS, CATALOGUE, FEATURES, SUMMARY)
FORMAT_VERSION = 5
# May name a whitening and the networks that the index accepts, and hold int8 words; else version 5.
MODELS_VERSION = 6
DEFAULT_MODEL_NAME = "float32"
# Files that devices download; an index of features that were extracted elsewhere may have no model.
ARTIFACTS = {ArtifactKind.CODEBOOK: CODEBOOK, ArtifactKind.MODEL: MODEL}
_HEADING = b'"dsc-index"'
_FORMER_NAMES = {"num_labels": "num_partitions", "feature_dim": "payload_dim"}  # in version 4
# Version 4 has no summary and no receiver model: the summary is learned each time that the index is read.
FILES_OF = {4: FILES[:-1], FORMAT_VERSION: FILES, MODELS_VERSION: FILES}
# Further networks are named by their hash, so that a file never changes while a reader follows a manifest.
MODEL_FILE = re.compile(r"model\.[0-9a-f]{16}\.onnx")
MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
PARTIAL_FILE = re.compile(rf"\.(manifest\.json|{MODEL_FILE.pattern})\.partial-[0-9a-f]+")  # after kill -9


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Heading(BaseModel):
    """Fields of the manifest in every version."""

    format: Literal["dsc-index"]
    format_version: int


class FileEntry(_Strict):
    """Size in bytes and lower-case hexadecimal SHA-256 of a file."""

    size_bytes: int
    sha256: str


class ModelEntry(_Strict):
    """A network that the index accepts: its name, its file, and the mAP that is lost with it, if measured."""

    name: str
    file: str
    map_loss: float | None = None


class PacketEntry(_Strict):
    """Shape of the packets, with the names of `PacketFormat`."""

    num_partitions: int
    head_labels: int
    num_subvectors: int
    bits_per_subvector: int
    head_codec: str
    payload: str
    payload_dim: int
    scrambled: bool


class IndexManifest(_Strict):
    """Content of manifest.json."""

    format: Literal["dsc-index"] = "dsc-index"
    format_version: int = FORMAT_VERSION
    scheme: str
    codebook_version: str
    backbone: str
    feature_dim: int
    num_images: int
    packet: PacketEntry
    files: dict[str, FileEntry]
    receiver_model: dict[str, float] | None = None
    models: list[ModelEntry] | None = None
    whitening: str | None = None
    checksum: str = ""

    def computed_checksum(self) -> str:
        """SHA-256 of all other fields, lower-case hexadecimal."""
        return _checksum(self.model_dump(exclude_none=True))

    @property
    def assumptions(self) -> ReceiverModel:
        """Assumptions of receiver and ranking."""
        return ReceiverModel(**(self.receiver_model or {}))

    @property
    def packet_format(self) -> PacketFormat:
        """The shape of the packets."""
        fields = self.packet.model_dump()
        fields |= {"head_codec": HeadCodec(self.packet.head_codec), "payload": Payload(self.packet.payload)}
        return PacketFormat(**fields)

    @property
    def spec(self) -> SchemeSpec:
        """The scheme that the index was built with."""
        return parse_scheme(self.scheme)

    @property
    def model_sha256(self) -> str:
        """Hash of the extractor; empty for an index of features that were extracted elsewhere."""
        return self.files[MODEL].sha256 if MODEL in self.files else ""

    @property
    def accepted(self) -> list[ModelEntry]:
        """Networks that the index accepts, model.onnx first; none for an index of features."""
        own = [ModelEntry(name=DEFAULT_MODEL_NAME, file=MODEL)] if MODEL in self.files else []
        return own if self.models is None else self.models

    def sealed(self) -> "IndexManifest":
        """The same with its checksum."""
        return self.model_copy(update={"checksum": self.computed_checksum()})

    def to_json(self) -> str:
        """Content of manifest.json."""
        return self.model_dump_json(indent=2, exclude_none=True) + "\n"

    def offer(self) -> Manifest:
        """The manifest for devices: rules of the packets and files for download."""
        return Manifest(
            codebook_version=self.codebook_version,
            scheme=self.scheme,
            format=self.packet_format,
            feature_dim=self.feature_dim,
            num_images=self.num_images,
            artifacts={
                kind: Artifact(self.files[name].size_bytes, self.files[name].sha256)
                for kind, name in ARTIFACTS.items()
                if name in self.files
            },
            head_rule=self.spec.head_rule,
            sequential=self.spec.sequential,
            models=tuple(self._accepted_model(model) for model in self.accepted),
        )

    def _accepted_model(self, model: ModelEntry) -> AcceptedModel:
        entry = self.files[model.file]
        loss = 0.0 if model.file == MODEL else model.map_loss
        return AcceptedModel(model.name, Artifact(entry.size_bytes, entry.sha256), loss)


def _checksum(content: dict[str, Any]) -> str:
    checked = {key: value for key, value in content.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(checked, sort_keys=True).encode()).hexdigest()


def _renamed(data: bytes) -> str:
    """A manifest of version 4, with the present names in its packet format."""
    content = json.loads(data)
    packet = content.get("packet")
    if isinstance(packet, dict):
        content["packet"] = {_FORMER_NAMES.get(key, key): value for key, value in packet.items()}
    return json.dumps(content)


def is_index(folder: Path) -> bool:
    """Whether a folder holds an index, perhaps a damaged one, and nothing else of a person's."""
    names = {path.name for path in folder.iterdir() if not _is_of_file_manager(path.name)}
    names = {name for name in names if not (MODEL_FILE.fullmatch(name) or PARTIAL_FILE.fullmatch(name))}
    if MANIFEST not in names or not names <= {MANIFEST, *FILES}:
        return False
    return len(names) > 1 or _HEADING in (folder / MANIFEST).read_bytes()


def _is_of_file_manager(name: str) -> bool:
    """Whether file managers or a NAS leave a file or folder of this name wherever someone looks."""
    return name.lower() in {".ds_store", "thumbs.db", "desktop.ini", "@eadir"} or name.startswith("._")


def read_manifest(folder: Path) -> IndexManifest:
    """The manifest of an index directory.

    Raises:
        DamagedIndexError: the manifest is missing, damaged, foreign, or of an unknown version.
    """
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
        version = _Heading.model_validate_json(data).format_version
        if version not in FILES_OF:
            readable = " or ".join(map(str, sorted(FILES_OF, reverse=True)))
            raise DamagedIndexError(
                f"expected an index of format version {readable}, got {version} "
                f"(build it again with this version of dsc-server): {folder}"
            )
        manifest = IndexManifest.model_validate_json(data if version > 4 else _renamed(data))
        _ = manifest.packet_format, manifest.spec, manifest.assumptions
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DamagedIndexError(f"not an index directory (it has no {MANIFEST}): {folder}") from error
    except OSError as error:
        raise DamagedIndexError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DamagedIndexError(f"{path} is damaged or not ours: {place}: {first['msg']}") from error
    except (ValueError, TypeError) as error:
        raise DamagedIndexError(f"{path} is damaged: {error}") from error
    if manifest.checksum != _checksum(json.loads(data)):
        raise DamagedIndexError(f"{path} is damaged: its checksum is not that of its content")
    if not _has_files_of_version(manifest):
        raise DamagedIndexError(f"{path} is damaged: it names the files {sorted(manifest.files)}")
    return manifest


def _has_files_of_version(manifest: IndexManifest) -> bool:
    """Whether the manifest names the files of its version, and those of its networks, and no others."""
    expected, named = set(FILES_OF[manifest.format_version]), set(manifest.files)
    added = (manifest.models, manifest.whitening)
    if added != (None, None) and manifest.format_version != MODELS_VERSION:
        return False
    if manifest.models is not None:
        files = [model.file for model in manifest.models]
        names = [model.name for model in manifest.models]
        if files[:1] != [MODEL] or len(set(files)) != len(files) or len(set(names)) != len(names):
            return False
        if not all(MODEL_FILE.fullmatch(file) for file in files[1:]) or not all(map(is_model_name, names)):
            return False
        return named == expected | set(files)
    return expected - named <= {MODEL} and named <= expected


def is_model_name(name: str) -> bool:
    """Whether devices can ask for a network by this name."""
    return MODEL_NAME.fullmatch(name) is not None
