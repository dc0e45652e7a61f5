"""Which scheme a mode sends: a mode that sends the feature uncoded needs packets that hold one."""

from collections.abc import Iterator, Sequence

from dsc_common.packet.format import Payload
from dsc_common.radio.modes import SPECS, Mode
from dsc_server.scheme_specs import parse_scheme

COMPANIONS = {Mode.ANALOG: "dsc-raw", Mode.ANALOG_PCA: "analog-pca", Mode.HYBRID: "hybrid"}


def companion(scheme: str, mode: Mode) -> str:
    """The scheme itself, or the one that stands for it where the mode sends the feature and it has none."""
    if SPECS[mode].sends_feature and parse_scheme(scheme).payload is not Payload.FEATURE:
        return COMPANIONS[mode]
    return scheme


def combinations(schemes: Sequence[str], modes: Sequence[Mode]) -> Iterator[tuple[str, Mode]]:
    """Every scheme by every mode; a companion is measured once by its mode, however many it stands for."""
    done: set[tuple[str, Mode]] = set()
    for scheme in schemes:
        for mode in modes:
            pair = companion(scheme, mode), mode
            if pair not in done:
                done.add(pair)
                yield pair
