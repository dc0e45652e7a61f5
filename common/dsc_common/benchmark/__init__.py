"""A retrieval benchmark: photos of a database, queries with their right answers, and metrics of a ranking."""
