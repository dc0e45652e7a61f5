"""Shared by gRPC services and clients: addresses, TLS, limits, health, errors as statuses."""
