from dsc.v1 import channel_pb2 as _channel_pb2
from dsc.v1 import packet_pb2 as _packet_pb2
from dsc.v1 import retrieval_pb2 as _retrieval_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TransmitRequest(_message.Message):
    __slots__ = ("request_id", "packet", "channel", "retrieval", "sequence")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PACKET_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    RETRIEVAL_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    packet: _packet_pb2.Packet
    channel: _channel_pb2.ChannelOptions
    retrieval: _retrieval_pb2.RetrievalOptions
    sequence: int
    def __init__(self, request_id: _Optional[str] = ..., packet: _Optional[_Union[_packet_pb2.Packet, _Mapping]] = ..., channel: _Optional[_Union[_channel_pb2.ChannelOptions, _Mapping]] = ..., retrieval: _Optional[_Union[_retrieval_pb2.RetrievalOptions, _Mapping]] = ..., sequence: _Optional[int] = ...) -> None: ...

class TransmitResponse(_message.Message):
    __slots__ = ("results", "link")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    results: _retrieval_pb2.RankedResults
    link: _channel_pb2.LinkReport
    def __init__(self, results: _Optional[_Union[_retrieval_pb2.RankedResults, _Mapping]] = ..., link: _Optional[_Union[_channel_pb2.LinkReport, _Mapping]] = ...) -> None: ...
