"""Receivers: what arrived of a packet → which partitions to read, and an estimate of the feature."""
