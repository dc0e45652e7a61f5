"""How one packet fills the channel uses: symbols for its bits, then uses for uncoded numbers."""

from dataclasses import dataclass
from functools import lru_cache

from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import MAX_USES
from dsc_common.radio.modes import SPECS, Mode

HYBRID_USES = 376  # channel uses of 47 bytes with BPSK


@dataclass(frozen=True)
class Frame:
    """Channel uses of one transmission.

    Attributes:
        bits: bits of the packet that are sent digitally: all, or those of the head.
        fec: their error correction.
        coded_bits: number of bits after error correction; the symbols may hold more, which are zeros.
        symbols: channel uses of the bits.
        numbers: channel uses of the uncoded numbers, after the symbols.
    """

    bits: int
    fec: Fec
    coded_bits: int
    symbols: int
    numbers: int = 0

    @property
    def uses(self) -> int:
        """Channel uses."""
        return self.symbols + self.numbers


@lru_cache(maxsize=128)
def frame_of(fmt: PacketFormat, mode: Mode, fec: Fec = Fec.NONE, uses: int = 0) -> Frame:
    """The frame of a packet of this shape; with `uses` = 0, as many uses as the mode needs.

    Raises:
        InvalidInputError: too few or too many uses, error correction where the mode has no room for it, a
            packet that does not fit the mode.
    """
    spec = SPECS[mode]
    _require_fit(fmt, mode, fec)
    numbers = fmt.payload_dim if spec.sends_feature else 0
    bits = 8 * (fmt.head_bytes if spec.sends_feature else fmt.packet_bytes)
    needed = -(-bits // spec.bits_per_use) + numbers if spec.physical else 0
    _require_uses(fmt, mode, fec, uses, needed)
    if mode is Mode.HYBRID:
        fec = Fec.REPETITION
        uses = uses or max(HYBRID_USES, needed)
    symbols = (uses or needed) - numbers
    coded_bits = bits if fec is Fec.NONE else symbols * spec.bits_per_use
    return Frame(bits, fec, coded_bits, symbols, numbers)


def _require_fit(fmt: PacketFormat, mode: Mode, fec: Fec) -> None:
    spec = SPECS[mode]
    if fec is not Fec.NONE and not spec.coded:
        raise InvalidInputError(f"expected error correction none with mode {mode}, got {fec}")
    if spec.sends_feature and fmt.payload is not Payload.FEATURE:
        raise InvalidInputError(
            f"mode {mode} sends the feature uncoded: expected a packet with payload feature, as those of the "
            f"schemes exhaustive and dsc-raw, got {fmt.payload}"
        )
    if mode is Mode.HYBRID and not fmt.head_bytes:
        raise InvalidInputError("expected a packet with a head for mode hybrid, got none")


def _require_uses(fmt: PacketFormat, mode: Mode, fec: Fec, uses: int, needed: int) -> None:
    context = f"for a packet of {fmt.packet_bytes} bytes with {mode}"
    if uses > MAX_USES:
        raise InvalidInputError(f"expected up to {MAX_USES} uses, got {uses}")
    if uses and uses < needed:
        raise InvalidInputError(f"expected at least {needed} uses {context}, got {uses}")
    if uses > needed and fec is Fec.NONE and mode is not Mode.HYBRID:
        raise InvalidInputError(f"expected {needed} uses {context} without error correction, got {uses}")
