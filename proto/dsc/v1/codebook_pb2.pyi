from dsc.v1 import packet_pb2 as _packet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ArtifactKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARTIFACT_KIND_UNSPECIFIED: _ClassVar[ArtifactKind]
    ARTIFACT_KIND_CODEBOOK: _ClassVar[ArtifactKind]
    ARTIFACT_KIND_MODEL: _ClassVar[ArtifactKind]

class HeadRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEAD_RULE_UNSPECIFIED: _ClassVar[HeadRule]
    HEAD_RULE_LABELS: _ClassVar[HeadRule]
    HEAD_RULE_NEAREST: _ClassVar[HeadRule]
ARTIFACT_KIND_UNSPECIFIED: ArtifactKind
ARTIFACT_KIND_CODEBOOK: ArtifactKind
ARTIFACT_KIND_MODEL: ArtifactKind
HEAD_RULE_UNSPECIFIED: HeadRule
HEAD_RULE_LABELS: HeadRule
HEAD_RULE_NEAREST: HeadRule

class Artifact(_message.Message):
    __slots__ = ("kind", "size_bytes", "sha256")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    kind: ArtifactKind
    size_bytes: int
    sha256: str
    def __init__(self, kind: _Optional[_Union[ArtifactKind, str]] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class File(_message.Message):
    __slots__ = ("size_bytes", "sha256")
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    size_bytes: int
    sha256: str
    def __init__(self, size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class CodebookParts(_message.Message):
    __slots__ = ("codewords", "subcodebooks")
    CODEWORDS_FIELD_NUMBER: _ClassVar[int]
    SUBCODEBOOKS_FIELD_NUMBER: _ClassVar[int]
    codewords: File
    subcodebooks: _containers.RepeatedCompositeFieldContainer[File]
    def __init__(self, codewords: _Optional[_Union[File, _Mapping]] = ..., subcodebooks: _Optional[_Iterable[_Union[File, _Mapping]]] = ...) -> None: ...

class AcceptedModel(_message.Message):
    __slots__ = ("name", "file", "map_loss")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    MAP_LOSS_FIELD_NUMBER: _ClassVar[int]
    name: str
    file: File
    map_loss: float
    def __init__(self, name: _Optional[str] = ..., file: _Optional[_Union[File, _Mapping]] = ..., map_loss: _Optional[float] = ...) -> None: ...

class Manifest(_message.Message):
    __slots__ = ("codebook_version", "scheme", "format", "feature_dim", "num_images", "artifacts", "head_rule", "sequential", "parts", "models")
    CODEBOOK_VERSION_FIELD_NUMBER: _ClassVar[int]
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    FEATURE_DIM_FIELD_NUMBER: _ClassVar[int]
    NUM_IMAGES_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    HEAD_RULE_FIELD_NUMBER: _ClassVar[int]
    SEQUENTIAL_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    codebook_version: str
    scheme: str
    format: _packet_pb2.PacketFormat
    feature_dim: int
    num_images: int
    artifacts: _containers.RepeatedCompositeFieldContainer[Artifact]
    head_rule: HeadRule
    sequential: bool
    parts: CodebookParts
    models: _containers.RepeatedCompositeFieldContainer[AcceptedModel]
    def __init__(self, codebook_version: _Optional[str] = ..., scheme: _Optional[str] = ..., format: _Optional[_Union[_packet_pb2.PacketFormat, _Mapping]] = ..., feature_dim: _Optional[int] = ..., num_images: _Optional[int] = ..., artifacts: _Optional[_Iterable[_Union[Artifact, _Mapping]]] = ..., head_rule: _Optional[_Union[HeadRule, str]] = ..., sequential: bool = ..., parts: _Optional[_Union[CodebookParts, _Mapping]] = ..., models: _Optional[_Iterable[_Union[AcceptedModel, _Mapping]]] = ...) -> None: ...

class GetManifestRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetManifestResponse(_message.Message):
    __slots__ = ("manifest",)
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    manifest: Manifest
    def __init__(self, manifest: _Optional[_Union[Manifest, _Mapping]] = ...) -> None: ...

class DownloadRequest(_message.Message):
    __slots__ = ("codebook_version", "kind", "offset", "sha256")
    CODEBOOK_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    codebook_version: str
    kind: ArtifactKind
    offset: int
    sha256: str
    def __init__(self, codebook_version: _Optional[str] = ..., kind: _Optional[_Union[ArtifactKind, str]] = ..., offset: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class DownloadResponse(_message.Message):
    __slots__ = ("offset", "data")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    offset: int
    data: bytes
    def __init__(self, offset: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...
