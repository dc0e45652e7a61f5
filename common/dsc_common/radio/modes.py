"""Modes: modulation of a packet, kind of channel uses, definition of the SNR."""

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """Modulation of a packet."""

    BPSK = "bpsk"
    QPSK = "qpsk"
    QAM16 = "qam16"
    QAM64 = "qam64"
    QAM256 = "qam256"
    PAM256 = "pam256"  # eq. (7) to the letter: one amplitude per byte
    INTEGER = "integer"  # amplitudes 0 to 255: the bytes as they are
    ANALOG = "analog"  # the head with BPSK, the feature uncoded
    ANALOG_PCA = "analog-pca"  # the same with a feature projected to fewer dimensions
    HYBRID = "hybrid"  # as analog; the head is repeated in the uses that the feature leaves free
    RECONSTRUCTION = "reconstruction"  # noise added to the reconstructed feature; no radio


@dataclass(frozen=True)
class ModeSpec:
    """Properties of a mode.

    Attributes:
        complex_uses: a channel use carries I and Q rather than one real amplitude.
        bits_per_use: bits per symbol of the digital part.
        snr_definition: definition of the SNR in words.
        coded: error correction can be used: the whole packet is sent as bits at unit power.
        sends_feature: the numbers of a `feature` payload are sent uncoded, one real use each.
        physical: a radio could send this.
    """

    complex_uses: bool
    bits_per_use: int
    snr_definition: str
    coded: bool = False
    sends_feature: bool = False
    physical: bool = True

    @property
    def samples_per_use(self) -> int:
        """Real samples per channel use: 2 (I, Q) or 1."""
        return 2 if self.complex_uses else 1


_REAL = "P/σ² per real channel use"
_COMPLEX = "Es/N0 = P/σ² per complex channel use, σ²/2 per dimension, P = 1 on average over the constellation"
_ANALOG = f"{_REAL}, P = 1: BPSK for the head, the feature scaled to unit average power"
SPECS = {
    Mode.BPSK: ModeSpec(False, 1, f"{_REAL}, P = 1", coded=True),
    Mode.QPSK: ModeSpec(True, 2, _COMPLEX, coded=True),
    Mode.QAM16: ModeSpec(True, 4, _COMPLEX, coded=True),
    Mode.QAM64: ModeSpec(True, 6, _COMPLEX, coded=True),
    Mode.QAM256: ModeSpec(True, 8, _COMPLEX, coded=True),
    Mode.PAM256: ModeSpec(False, 8, f"{_REAL}, P = 1 on average over all bytes"),
    Mode.INTEGER: ModeSpec(False, 8, "1/σ² per real channel use: P := 1, far below the energy that is sent"),
    Mode.ANALOG: ModeSpec(False, 1, _ANALOG, sends_feature=True),
    Mode.ANALOG_PCA: ModeSpec(False, 1, _ANALOG, sends_feature=True),
    Mode.HYBRID: ModeSpec(False, 1, _ANALOG, sends_feature=True),
    Mode.RECONSTRUCTION: ModeSpec(
        False,
        1,
        "no physical channel: the bits arrive clean, and the server adds noise to the feature that it "
        "reconstructs; P/σ² per number of the feature, P := its mean square",
        physical=False,
    ),
}
