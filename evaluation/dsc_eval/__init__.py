"""Evaluation: data sets, metrics, and experiments over the services' own core."""
