"""Candidates of a query, and their ranking (eqs. 14, 15)."""
