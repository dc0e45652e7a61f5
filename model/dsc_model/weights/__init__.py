"""Weights files, read safely."""
