"""Candidates and their order (eqs. 14, 15)."""
