"""How many channel uses a packet takes, worked by hand."""

import pytest

from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.radio.fec import Fec
from dsc_common.radio.framing import Frame, frame_of
from dsc_common.radio.modes import SPECS, Mode

CODES = PacketFormat()  # 47 bytes, 7 of them head
RAW = PacketFormat(payload=Payload.FEATURE, payload_dim=1280)
PCA = PacketFormat(payload=Payload.FEATURE, payload_dim=320)


@pytest.mark.parametrize(
    ("mode", "uses"),
    [
        (Mode.BPSK, 376),
        (Mode.QPSK, 188),
        (Mode.QAM16, 94),
        (Mode.QAM64, 63),  # 62 2/3
        (Mode.QAM256, 47),
        (Mode.PAM256, 47),
        (Mode.INTEGER, 47),
        (Mode.RECONSTRUCTION, 0),
    ],
)
def test_47_bytes(mode: Mode, uses: int) -> None:
    assert frame_of(CODES, mode) == Frame(376, Fec.NONE, 376, uses)
    assert frame_of(CODES, mode).uses == uses
    assert frame_of(CODES, mode, uses=uses) == frame_of(CODES, mode)


@pytest.mark.parametrize(
    ("mode", "fmt", "uses", "frame"),
    [
        (Mode.ANALOG, RAW, 0, Frame(56, Fec.NONE, 56, 56, 1280)),
        (Mode.ANALOG_PCA, PCA, 0, Frame(56, Fec.NONE, 56, 56, 320)),
        (Mode.ANALOG_PCA, PCA, 376, Frame(56, Fec.NONE, 56, 56, 320)),
        (Mode.HYBRID, PCA, 0, Frame(56, Fec.REPETITION, 56, 56, 320)),
        (Mode.HYBRID, PCA, 500, Frame(56, Fec.REPETITION, 180, 180, 320)),
        (Mode.HYBRID, RAW, 0, Frame(56, Fec.REPETITION, 56, 56, 1280)),
        (
            Mode.ANALOG,
            PacketFormat(1, 1, payload=Payload.FEATURE, payload_dim=9),
            0,
            Frame(0, Fec.NONE, 0, 0, 9),
        ),
    ],
)
def test_features(mode: Mode, fmt: PacketFormat, uses: int, frame: Frame) -> None:
    assert frame_of(fmt, mode, uses=uses) == frame


@pytest.mark.parametrize("mode", [mode for mode in Mode if SPECS[mode].coded])
@pytest.mark.parametrize("fec", [Fec.REPETITION, Fec.LDPC])
def test_coded_bits_fill_all_uses(mode: Mode, fec: Fec) -> None:
    width = SPECS[mode].bits_per_use
    assert frame_of(CODES, mode, fec, 400) == Frame(376, fec, 400 * width, 400)
    needed = -(-376 // width)
    assert frame_of(CODES, mode, fec) == Frame(376, fec, needed * width, needed)
