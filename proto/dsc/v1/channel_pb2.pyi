from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODE_UNSPECIFIED: _ClassVar[Mode]
    MODE_BPSK: _ClassVar[Mode]
MODE_UNSPECIFIED: Mode
MODE_BPSK: Mode

class ChannelOptions(_message.Message):
    __slots__ = ("mode", "snr_db", "seed")
    MODE_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    mode: Mode
    snr_db: float
    seed: int
    def __init__(self, mode: _Optional[_Union[Mode, str]] = ..., snr_db: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...

class ReceivedSignal(_message.Message):
    __slots__ = ("mode", "samples", "noise_variance", "channel_uses")
    MODE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    NOISE_VARIANCE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_USES_FIELD_NUMBER: _ClassVar[int]
    mode: Mode
    samples: _containers.RepeatedScalarFieldContainer[float]
    noise_variance: float
    channel_uses: int
    def __init__(self, mode: _Optional[_Union[Mode, str]] = ..., samples: _Optional[_Iterable[float]] = ..., noise_variance: _Optional[float] = ..., channel_uses: _Optional[int] = ...) -> None: ...

class LinkReport(_message.Message):
    __slots__ = ("mode", "snr_db", "seed", "channel_uses", "energy", "bit_errors", "head_ok")
    MODE_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_USES_FIELD_NUMBER: _ClassVar[int]
    ENERGY_FIELD_NUMBER: _ClassVar[int]
    BIT_ERRORS_FIELD_NUMBER: _ClassVar[int]
    HEAD_OK_FIELD_NUMBER: _ClassVar[int]
    mode: Mode
    snr_db: float
    seed: int
    channel_uses: int
    energy: float
    bit_errors: int
    head_ok: bool
    def __init__(self, mode: _Optional[_Union[Mode, str]] = ..., snr_db: _Optional[float] = ..., seed: _Optional[int] = ..., channel_uses: _Optional[int] = ..., energy: _Optional[float] = ..., bit_errors: _Optional[int] = ..., head_ok: bool = ...) -> None: ...
