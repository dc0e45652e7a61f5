"""The edge server: builds and serves a semantic inverted index."""
