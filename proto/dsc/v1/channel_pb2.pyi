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
    MODE_QPSK: _ClassVar[Mode]
    MODE_QAM16: _ClassVar[Mode]
    MODE_QAM64: _ClassVar[Mode]
    MODE_QAM256: _ClassVar[Mode]
    MODE_PAM256: _ClassVar[Mode]
    MODE_INTEGER: _ClassVar[Mode]
    MODE_ANALOG: _ClassVar[Mode]
    MODE_ANALOG_PCA: _ClassVar[Mode]
    MODE_HYBRID: _ClassVar[Mode]
    MODE_RECONSTRUCTION: _ClassVar[Mode]

class Fec(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEC_UNSPECIFIED: _ClassVar[Fec]
    FEC_NONE: _ClassVar[Fec]
    FEC_REPETITION: _ClassVar[Fec]
    FEC_LDPC: _ClassVar[Fec]

class Fading(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FADING_UNSPECIFIED: _ClassVar[Fading]
    FADING_NONE: _ClassVar[Fading]
    FADING_RAYLEIGH: _ClassVar[Fading]
    FADING_RICIAN: _ClassVar[Fading]

class HeadProtection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEAD_PROTECTION_UNSPECIFIED: _ClassVar[HeadProtection]
    HEAD_PROTECTION_CHANNEL: _ClassVar[HeadProtection]
    HEAD_PROTECTION_IDEAL: _ClassVar[HeadProtection]
MODE_UNSPECIFIED: Mode
MODE_BPSK: Mode
MODE_QPSK: Mode
MODE_QAM16: Mode
MODE_QAM64: Mode
MODE_QAM256: Mode
MODE_PAM256: Mode
MODE_INTEGER: Mode
MODE_ANALOG: Mode
MODE_ANALOG_PCA: Mode
MODE_HYBRID: Mode
MODE_RECONSTRUCTION: Mode
FEC_UNSPECIFIED: Fec
FEC_NONE: Fec
FEC_REPETITION: Fec
FEC_LDPC: Fec
FADING_UNSPECIFIED: Fading
FADING_NONE: Fading
FADING_RAYLEIGH: Fading
FADING_RICIAN: Fading
HEAD_PROTECTION_UNSPECIFIED: HeadProtection
HEAD_PROTECTION_CHANNEL: HeadProtection
HEAD_PROTECTION_IDEAL: HeadProtection

class ChannelOptions(_message.Message):
    __slots__ = ("mode", "snr_db", "seed", "fec", "uses", "fading", "rician_k_db", "fading_block_uses", "channel_knowledge", "head_protection", "erasure_rate", "erasure_burst", "latency_ms", "resends")
    MODE_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    FEC_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    FADING_FIELD_NUMBER: _ClassVar[int]
    RICIAN_K_DB_FIELD_NUMBER: _ClassVar[int]
    FADING_BLOCK_USES_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_KNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    HEAD_PROTECTION_FIELD_NUMBER: _ClassVar[int]
    ERASURE_RATE_FIELD_NUMBER: _ClassVar[int]
    ERASURE_BURST_FIELD_NUMBER: _ClassVar[int]
    LATENCY_MS_FIELD_NUMBER: _ClassVar[int]
    RESENDS_FIELD_NUMBER: _ClassVar[int]
    mode: Mode
    snr_db: float
    seed: int
    fec: Fec
    uses: int
    fading: Fading
    rician_k_db: float
    fading_block_uses: int
    channel_knowledge: bool
    head_protection: HeadProtection
    erasure_rate: float
    erasure_burst: float
    latency_ms: float
    resends: int
    def __init__(self, mode: _Optional[_Union[Mode, str]] = ..., snr_db: _Optional[float] = ..., seed: _Optional[int] = ..., fec: _Optional[_Union[Fec, str]] = ..., uses: _Optional[int] = ..., fading: _Optional[_Union[Fading, str]] = ..., rician_k_db: _Optional[float] = ..., fading_block_uses: _Optional[int] = ..., channel_knowledge: bool = ..., head_protection: _Optional[_Union[HeadProtection, str]] = ..., erasure_rate: _Optional[float] = ..., erasure_burst: _Optional[float] = ..., latency_ms: _Optional[float] = ..., resends: _Optional[int] = ...) -> None: ...

class ReceivedSignal(_message.Message):
    __slots__ = ("mode", "samples", "noise_variance", "channel_uses", "fec", "gains", "fading_block_uses", "estimate_gains", "genie", "noise_key")
    MODE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    NOISE_VARIANCE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_USES_FIELD_NUMBER: _ClassVar[int]
    FEC_FIELD_NUMBER: _ClassVar[int]
    GAINS_FIELD_NUMBER: _ClassVar[int]
    FADING_BLOCK_USES_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_GAINS_FIELD_NUMBER: _ClassVar[int]
    GENIE_FIELD_NUMBER: _ClassVar[int]
    NOISE_KEY_FIELD_NUMBER: _ClassVar[int]
    mode: Mode
    samples: _containers.RepeatedScalarFieldContainer[float]
    noise_variance: float
    channel_uses: int
    fec: Fec
    gains: _containers.RepeatedScalarFieldContainer[float]
    fading_block_uses: int
    estimate_gains: bool
    genie: bytes
    noise_key: str
    def __init__(self, mode: _Optional[_Union[Mode, str]] = ..., samples: _Optional[_Iterable[float]] = ..., noise_variance: _Optional[float] = ..., channel_uses: _Optional[int] = ..., fec: _Optional[_Union[Fec, str]] = ..., gains: _Optional[_Iterable[float]] = ..., fading_block_uses: _Optional[int] = ..., estimate_gains: bool = ..., genie: _Optional[bytes] = ..., noise_key: _Optional[str] = ...) -> None: ...

class LinkReport(_message.Message):
    __slots__ = ("mode", "snr_db", "seed", "channel_uses", "energy", "bit_errors", "head_ok", "bits_sent", "snr_definition", "complex_uses", "fec", "uses", "fading", "channel_knowledge", "genie", "transmissions", "lost", "erased")
    MODE_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_USES_FIELD_NUMBER: _ClassVar[int]
    ENERGY_FIELD_NUMBER: _ClassVar[int]
    BIT_ERRORS_FIELD_NUMBER: _ClassVar[int]
    HEAD_OK_FIELD_NUMBER: _ClassVar[int]
    BITS_SENT_FIELD_NUMBER: _ClassVar[int]
    SNR_DEFINITION_FIELD_NUMBER: _ClassVar[int]
    COMPLEX_USES_FIELD_NUMBER: _ClassVar[int]
    FEC_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    FADING_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_KNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    GENIE_FIELD_NUMBER: _ClassVar[int]
    TRANSMISSIONS_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    ERASED_FIELD_NUMBER: _ClassVar[int]
    mode: Mode
    snr_db: float
    seed: int
    channel_uses: int
    energy: float
    bit_errors: int
    head_ok: bool
    bits_sent: int
    snr_definition: str
    complex_uses: bool
    fec: Fec
    uses: int
    fading: Fading
    channel_knowledge: bool
    genie: bool
    transmissions: int
    lost: int
    erased: bool
    def __init__(self, mode: _Optional[_Union[Mode, str]] = ..., snr_db: _Optional[float] = ..., seed: _Optional[int] = ..., channel_uses: _Optional[int] = ..., energy: _Optional[float] = ..., bit_errors: _Optional[int] = ..., head_ok: bool = ..., bits_sent: _Optional[int] = ..., snr_definition: _Optional[str] = ..., complex_uses: bool = ..., fec: _Optional[_Union[Fec, str]] = ..., uses: _Optional[int] = ..., fading: _Optional[_Union[Fading, str]] = ..., channel_knowledge: bool = ..., genie: bool = ..., transmissions: _Optional[int] = ..., lost: _Optional[int] = ..., erased: bool = ...) -> None: ...
