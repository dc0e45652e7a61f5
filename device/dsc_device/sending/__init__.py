"""Sends the queries that wait, oldest first, and writes their answers."""
