"""Benchmarks of speed: each thing beside what it competes with, measured in the same run."""
