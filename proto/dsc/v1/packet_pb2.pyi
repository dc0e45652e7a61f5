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
HEAD_CODEC_UNSPECIFIED: HeadCodec
HEAD_CODEC_ZERO: HeadCodec
HEAD_CODEC_CRC6: HeadCodec

class PacketFormat(_message.Message):
    __slots__ = ("num_labels", "head_labels", "num_subvectors", "bits_per_subvector", "head_codec")
    NUM_LABELS_FIELD_NUMBER: _ClassVar[int]
    HEAD_LABELS_FIELD_NUMBER: _ClassVar[int]
    NUM_SUBVECTORS_FIELD_NUMBER: _ClassVar[int]
    BITS_PER_SUBVECTOR_FIELD_NUMBER: _ClassVar[int]
    HEAD_CODEC_FIELD_NUMBER: _ClassVar[int]
    num_labels: int
    head_labels: int
    num_subvectors: int
    bits_per_subvector: int
    head_codec: HeadCodec
    def __init__(self, num_labels: _Optional[int] = ..., head_labels: _Optional[int] = ..., num_subvectors: _Optional[int] = ..., bits_per_subvector: _Optional[int] = ..., head_codec: _Optional[_Union[HeadCodec, str]] = ...) -> None: ...

class Packet(_message.Message):
    __slots__ = ("data", "format", "codebook_version")
    DATA_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    CODEBOOK_VERSION_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    format: PacketFormat
    codebook_version: str
    def __init__(self, data: _Optional[bytes] = ..., format: _Optional[_Union[PacketFormat, _Mapping]] = ..., codebook_version: _Optional[str] = ...) -> None: ...
