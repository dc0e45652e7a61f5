"""To be seen: logs with the ids of a query, traces that cross processes, metrics for Prometheus."""
