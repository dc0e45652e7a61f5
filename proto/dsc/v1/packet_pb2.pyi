from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HeadCodec(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEAD_CODEC_UNSPECIFIED: _ClassVar[HeadCodec]
    HEAD_CODEC_ZERO: _ClassVar[HeadCodec]
    HEAD_CODEC_CRC6: _ClassVar[HeadCodec]
    HEAD_CODEC_SET: _ClassVar[HeadCodec]

class Payload(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAYLOAD_UNSPECIFIED: _ClassVar[Payload]
    PAYLOAD_CODES: _ClassVar[Payload]
    PAYLOAD_CODE: _ClassVar[Payload]
    PAYLOAD_FEATURE: _ClassVar[Payload]
HEAD_CODEC_UNSPECIFIED: HeadCodec
HEAD_CODEC_ZERO: HeadCodec
HEAD_CODEC_CRC6: HeadCodec
HEAD_CODEC_SET: HeadCodec
PAYLOAD_UNSPECIFIED: Payload
PAYLOAD_CODES: Payload
PAYLOAD_CODE: Payload
PAYLOAD_FEATURE: Payload

class PacketFormat(_message.Message):
    __slots__ = ("num_partitions", "head_labels", "num_subvectors", "bits_per_subvector", "head_codec", "payload", "payload_dim", "scrambled")
    NUM_PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    HEAD_LABELS_FIELD_NUMBER: _ClassVar[int]
    NUM_SUBVECTORS_FIELD_NUMBER: _ClassVar[int]
    BITS_PER_SUBVECTOR_FIELD_NUMBER: _ClassVar[int]
    HEAD_CODEC_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_DIM_FIELD_NUMBER: _ClassVar[int]
    SCRAMBLED_FIELD_NUMBER: _ClassVar[int]
    num_partitions: int
    head_labels: int
    num_subvectors: int
    bits_per_subvector: int
    head_codec: HeadCodec
    payload: Payload
    payload_dim: int
    scrambled: bool
    def __init__(self, num_partitions: _Optional[int] = ..., head_labels: _Optional[int] = ..., num_subvectors: _Optional[int] = ..., bits_per_subvector: _Optional[int] = ..., head_codec: _Optional[_Union[HeadCodec, str]] = ..., payload: _Optional[_Union[Payload, str]] = ..., payload_dim: _Optional[int] = ..., scrambled: bool = ...) -> None: ...

class Packet(_message.Message):
    __slots__ = ("data", "format", "codebook_version")
    DATA_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    CODEBOOK_VERSION_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    format: PacketFormat
    codebook_version: str
    def __init__(self, data: _Optional[bytes] = ..., format: _Optional[_Union[PacketFormat, _Mapping]] = ..., codebook_version: _Optional[str] = ...) -> None: ...
