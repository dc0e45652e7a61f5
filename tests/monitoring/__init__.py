"""A real Prometheus beside real services: an alert that fires, and data for each query of the dashboard."""
