"""The semantic inverted index: in memory, on disk, and the models derived from it."""
