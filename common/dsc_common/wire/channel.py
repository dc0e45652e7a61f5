"""The radio's values to messages and back: choices, received signals, reports; pairs, as in `wire`."""

from typing import Any

import numpy as np

from dsc.v1 import channel_pb2
from dsc_common.errors import InvalidInputError
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import Fading, HeadProtection, LinkChoice, LinkReport, ReceivedSignal
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
# Fields of `LinkChoice` that are plain numbers in both, by the same name.
_NUMBERS = (
    "snr_db",
    "seed",
    "uses",
    "rician_k_db",
    "fading_block_uses",
    "channel_knowledge",
    "erasure_rate",
    "erasure_burst",
    "latency_ms",
    "resends",
)


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
    """Message → ReceivedSignal; InvalidInputError on NaN, infinities, or another count than stated."""
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
    """LinkChoice → message."""
    return channel_pb2.ChannelOptions(
        mode=None if choice.mode is None else MODES[choice.mode],
        fec=None if choice.fec is None else FECS[choice.fec],
        fading=None if choice.fading is None else FADINGS[choice.fading],
        head_protection=None if choice.head_protection is None else HEAD_PROTECTIONS[choice.head_protection],
        **{name: getattr(choice, name) for name in _NUMBERS},
    )


def link_choice_from_proto(message: channel_pb2.ChannelOptions) -> LinkChoice:
    """Message → LinkChoice."""
    chosen: dict[str, Any] = {name: getattr(message, name) for name in _NUMBERS if message.HasField(name)}
    if message.HasField("mode"):
        chosen["mode"] = member_of(MODES, message.mode, "a mode")
    if message.HasField("fec"):
        chosen["fec"] = member_of(FECS, message.fec, "an error correction")
    if message.HasField("fading"):
        chosen["fading"] = member_of(FADINGS, message.fading, "a fading")
    if message.HasField("head_protection"):
        chosen["head_protection"] = member_of(HEAD_PROTECTIONS, message.head_protection, "a head protection")
    return LinkChoice(**chosen)


def link_report_to_proto(report: LinkReport) -> channel_pb2.LinkReport:
    """LinkReport → message."""
    members = {
        "mode": MODES[report.mode],
        "fec": FECS[report.fec],
        "fading": FADINGS[report.fading],
    }
    return channel_pb2.LinkReport(**{**vars(report), **members})


def link_report_from_proto(message: channel_pb2.LinkReport) -> LinkReport:
    """Message → LinkReport."""
    return LinkReport(
        mode=member_of(MODES, message.mode, "a mode"),
        snr_db=message.snr_db,
        seed=message.seed,
        channel_uses=message.channel_uses,
        energy=message.energy,
        bit_errors=message.bit_errors,
        head_ok=message.head_ok,
        bits_sent=message.bits_sent,
        snr_definition=message.snr_definition,
        complex_uses=message.complex_uses,
        fec=member_of(FECS, message.fec, "an error correction"),
        uses=message.uses,
        fading=member_of(FADINGS, message.fading, "a fading"),
        channel_knowledge=message.channel_knowledge,
        genie=message.genie,
        transmissions=message.transmissions,
        lost=message.lost,
        erased=message.erased,
    )
