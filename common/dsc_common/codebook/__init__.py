"""Codebook C and sub-codebooks R (eqs. 3-6, 13): values, files, and the manifest for downloads."""
