"""The server's gRPC services."""
