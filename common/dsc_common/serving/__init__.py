"""What every gRPC service and client shares: address, TLS, limits, health, status codes."""
