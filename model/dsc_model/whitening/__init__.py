"""Whitening of features, learned from matched pairs of photos."""
