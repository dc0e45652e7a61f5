from dsc.v1 import channel_pb2 as _channel_pb2
from dsc.v1 import packet_pb2 as _packet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Ranking(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RANKING_UNSPECIFIED: _ClassVar[Ranking]
    RANKING_SQUARED_DISTANCE: _ClassVar[Ranking]
    RANKING_COSINE: _ClassVar[Ranking]
    RANKING_ESTIMATE: _ClassVar[Ranking]

class Policy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POLICY_UNSPECIFIED: _ClassVar[Policy]
    POLICY_RETURN: _ClassVar[Policy]
    POLICY_RESEND: _ClassVar[Policy]
    POLICY_EXHAUSTIVE: _ClassVar[Policy]
RANKING_UNSPECIFIED: Ranking
RANKING_SQUARED_DISTANCE: Ranking
RANKING_COSINE: Ranking
RANKING_ESTIMATE: Ranking
POLICY_UNSPECIFIED: Policy
POLICY_RETURN: Policy
POLICY_RESEND: Policy
POLICY_EXHAUSTIVE: Policy

class RetrievalOptions(_message.Message):
    __slots__ = ("top", "ranking", "receiver", "policy", "confidence_threshold")
    TOP_FIELD_NUMBER: _ClassVar[int]
    RANKING_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    top: int
    ranking: Ranking
    receiver: str
    policy: Policy
    confidence_threshold: float
    def __init__(self, top: _Optional[int] = ..., ranking: _Optional[_Union[Ranking, str]] = ..., receiver: _Optional[str] = ..., policy: _Optional[_Union[Policy, str]] = ..., confidence_threshold: _Optional[float] = ...) -> None: ...

class RankedImage(_message.Message):
    __slots__ = ("rank", "image_id", "uri", "label", "score")
    RANK_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    rank: int
    image_id: str
    uri: str
    label: int
    score: float
    def __init__(self, rank: _Optional[int] = ..., image_id: _Optional[str] = ..., uri: _Optional[str] = ..., label: _Optional[int] = ..., score: _Optional[float] = ...) -> None: ...

class RankedResults(_message.Message):
    __slots__ = ("images", "num_candidates", "head", "head_trusted", "notices", "server_ms", "confidence", "low_confidence", "receiver", "head_errors_corrected", "estimate_dim")
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    NUM_CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    HEAD_TRUSTED_FIELD_NUMBER: _ClassVar[int]
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    SERVER_MS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    LOW_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    HEAD_ERRORS_CORRECTED_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_DIM_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[RankedImage]
    num_candidates: int
    head: _containers.RepeatedScalarFieldContainer[int]
    head_trusted: bool
    notices: _containers.RepeatedScalarFieldContainer[str]
    server_ms: float
    confidence: float
    low_confidence: bool
    receiver: str
    head_errors_corrected: int
    estimate_dim: int
    def __init__(self, images: _Optional[_Iterable[_Union[RankedImage, _Mapping]]] = ..., num_candidates: _Optional[int] = ..., head: _Optional[_Iterable[int]] = ..., head_trusted: bool = ..., notices: _Optional[_Iterable[str]] = ..., server_ms: _Optional[float] = ..., confidence: _Optional[float] = ..., low_confidence: bool = ..., receiver: _Optional[str] = ..., head_errors_corrected: _Optional[int] = ..., estimate_dim: _Optional[int] = ...) -> None: ...

class RetrieveRequest(_message.Message):
    __slots__ = ("request_id", "signals", "format", "codebook_version", "options")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    CODEBOOK_VERSION_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    signals: _containers.RepeatedCompositeFieldContainer[_channel_pb2.ReceivedSignal]
    format: _packet_pb2.PacketFormat
    codebook_version: str
    options: RetrievalOptions
    def __init__(self, request_id: _Optional[str] = ..., signals: _Optional[_Iterable[_Union[_channel_pb2.ReceivedSignal, _Mapping]]] = ..., format: _Optional[_Union[_packet_pb2.PacketFormat, _Mapping]] = ..., codebook_version: _Optional[str] = ..., options: _Optional[_Union[RetrievalOptions, _Mapping]] = ...) -> None: ...

class RetrieveResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: RankedResults
    def __init__(self, results: _Optional[_Union[RankedResults, _Mapping]] = ...) -> None: ...
