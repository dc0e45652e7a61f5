"""Retrieval metrics, confidence intervals, and limits of communication."""
