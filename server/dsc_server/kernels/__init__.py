"""The inner loops of decoding and ranking: compiled where numba is installed, array operations elsewhere."""
