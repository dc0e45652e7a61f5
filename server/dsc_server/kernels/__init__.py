"""The inner loops of ranking: compiled where numba is installed, array operations elsewhere."""
