"""The least energy that bits need over white Gaussian noise: Shannon's limit on n real channel uses.

A real use at SNR s = P/σ² carries at most C = ½ log2(1 + s) bits. B bits in n uses are R = B/n bits a use and
need s ≥ 2^(2R) - 1, so E ≥ n σ² (2^(2R) - 1). This falls with n, towards E = 2 ln 2 · B σ² for n → ∞.

Energies are in dB above σ², the energy of the noise in one use: with R in the hundreds, no float holds them.
"""

import math

_DB_PER_BIT = 20 * math.log10(2)  # of a use: 6.02 dB
_SMALL_RATE = 1e-6  # bits a use; below, 2^(2R) - 1 is 2R ln 2 to all digits


def least_energy_db(bits: float, uses: float) -> float:
    """10 log10(E/σ²) of `bits` in `uses` real channel uses, at Shannon's limit.

    Args:
        bits: B, above 0.
        uses: n, above 0.
    """
    rate = bits / uses
    if rate < _SMALL_RATE:
        snr_db = 10 * math.log10(2 * rate * math.log(2))
    else:
        snr_db = _DB_PER_BIT * rate + 10 * math.log10(-math.expm1(-2 * rate * math.log(2)))
    return 10 * math.log10(uses) + snr_db


def least_energy_of_any_uses_db(bits: float) -> float:
    """10 log10(E/σ²) of `bits`, B > 0, in as many channel uses as one likes: 2 ln 2 · B."""
    return 10 * math.log10(2 * math.log(2) * bits)


def least_uses(bits: float, snr_db: float) -> float:
    """Real channel uses that `bits` need at an SNR P/σ², at Shannon's limit: B / C."""
    return 2 * bits * math.log(2) / math.log1p(10 ** (snr_db / 10))
