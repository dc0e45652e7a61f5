"""The radio: link settings, modes, constellations, error correction, demodulation (eq. 7)."""
