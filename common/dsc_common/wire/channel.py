"""Values of the radio to messages and back: link choices, received signals, reports."""

from collections.abc import Mapping
from typing import Any, get_type_hints

import numpy as np

from dsc.v1 import channel_pb2
from dsc_common.errors import InvalidInputError
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import (
    LINK_FIELDS,
    Fading,
    HeadProtection,
    LinkChoice,
    LinkReport,
    ReceivedSignal,
)
from dsc_common.radio.modes import SPECS, Mode
from dsc_common.wire.enums import member_of

MODES = {
    Mode.BPSK: channel_pb2.MODE_BPSK,
    Mode.QPSK: channel_pb2.MODE_QPSK,
    Mode.QAM16: channel_pb2.MODE_QAM16,
    Mode.QAM64: channel_pb2.MODE_QAM64,
    Mode.QAM256: channel_pb2.MODE_QAM256,
    Mode.PAM256: channel_pb2.MODE_PAM256,
    Mode.INTEGER: channel_pb2.MODE_INTEGER,
    Mode.ANALOG: channel_pb2.MODE_ANALOG,
    Mode.ANALOG_PCA: channel_pb2.MODE_ANALOG_PCA,
    Mode.HYBRID: channel_pb2.MODE_HYBRID,
    Mode.RECONSTRUCTION: channel_pb2.MODE_RECONSTRUCTION,
}
FECS = {
    Fec.NONE: channel_pb2.FEC_NONE,
    Fec.REPETITION: channel_pb2.FEC_REPETITION,
    Fec.LDPC: channel_pb2.FEC_LDPC,
}
FADINGS = {
    Fading.NONE: channel_pb2.FADING_NONE,
    Fading.RAYLEIGH: channel_pb2.FADING_RAYLEIGH,
    Fading.RICIAN: channel_pb2.FADING_RICIAN,
}
HEAD_PROTECTIONS = {
    HeadProtection.CHANNEL: channel_pb2.HEAD_PROTECTION_CHANNEL,
    HeadProtection.IDEAL: channel_pb2.HEAD_PROTECTION_IDEAL,
}
# Per enum: its numbers, and the noun for a member in error lines.
_ENUMS: dict[type[Any], tuple[Mapping[Any, Any], str]] = {
    Mode: (MODES, "a mode"),
    Fec: (FECS, "an error correction"),
    Fading: (FADINGS, "a fading"),
    HeadProtection: (HEAD_PROTECTIONS, "a head protection"),
}
_REPORT_KINDS = get_type_hints(LinkReport)


def signal_to_proto(signal: ReceivedSignal) -> channel_pb2.ReceivedSignal:
    """ReceivedSignal → message."""
    return channel_pb2.ReceivedSignal(
        mode=MODES[signal.mode],
        samples=signal.samples.tolist(),
        noise_variance=signal.noise_variance,
        channel_uses=signal.uses,
        fec=FECS[signal.fec],
        gains=signal.gains.tolist(),
        fading_block_uses=signal.fading_block_uses,
        estimate_gains=signal.estimate_gains,
        genie=signal.genie,
        noise_key=signal.noise_key,
    )


def signal_from_proto(message: channel_pb2.ReceivedSignal) -> ReceivedSignal:
    """Message → ReceivedSignal; InvalidInputError on NaN, infinities, or a wrong number of samples."""
    mode = member_of(MODES, message.mode, "a mode")
    stated = message.channel_uses * SPECS[mode].samples_per_use
    if stated != len(message.samples):
        raise InvalidInputError(f"expected {stated} samples, got {len(message.samples)}")
    return ReceivedSignal(
        mode,
        np.array(message.samples, dtype=np.float32),
        message.noise_variance,
        fec=member_of(FECS, message.fec, "an error correction") if message.fec else Fec.NONE,
        gains=np.array(message.gains, dtype=np.float32),
        fading_block_uses=message.fading_block_uses,
        estimate_gains=message.estimate_gains,
        genie=message.genie,
        noise_key=message.noise_key,
    )


def link_choice_to_proto(choice: LinkChoice) -> channel_pb2.ChannelOptions:
    """LinkChoice → message; fields have the same names in both."""
    return channel_pb2.ChannelOptions(**_numbers(choice))


def link_choice_from_proto(message: channel_pb2.ChannelOptions) -> LinkChoice:
    """Message → LinkChoice."""
    set_fields = [item for item in LINK_FIELDS if message.HasField(item.name)]
    return LinkChoice(**{item.name: _value(item.kind, getattr(message, item.name)) for item in set_fields})


def link_report_to_proto(report: LinkReport) -> channel_pb2.LinkReport:
    """LinkReport → message; fields have the same names in both."""
    return channel_pb2.LinkReport(**_numbers(report))


def link_report_from_proto(message: channel_pb2.LinkReport) -> LinkReport:
    """Message → LinkReport."""
    return LinkReport(**{name: _value(kind, getattr(message, name)) for name, kind in _REPORT_KINDS.items()})


def _numbers(value: LinkChoice | LinkReport) -> dict[str, Any]:
    """Fields that are set, enum members as the numbers of the message."""
    set_fields = {name: field for name, field in vars(value).items() if field is not None}
    return {
        name: _ENUMS[type(field)][0][field] if type(field) in _ENUMS else field
        for name, field in set_fields.items()
    }


def _value(kind: type[Any], number: Any) -> Any:  # noqa: ANN401 (any field)
    """A field of a message as the type that the dataclass declares."""
    if kind not in _ENUMS:
        return number
    table, noun = _ENUMS[kind]
    return member_of(table, number, noun)
