"""Codebook C and sub-codebooks R (eqs. 3-6, 13), as values, as files, as an offer for download."""
