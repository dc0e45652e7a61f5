"""Receivers: received signals of a packet → partitions to read, and estimates of the feature."""
