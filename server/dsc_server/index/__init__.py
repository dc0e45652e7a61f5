"""The semantic inverted index: in memory, on disk, and what is derived from it."""
