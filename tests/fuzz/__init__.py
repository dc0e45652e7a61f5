"""Mutated requests against the services: in process for speed, and over sockets against real processes."""
