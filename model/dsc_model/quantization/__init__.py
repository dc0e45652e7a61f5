"""int8 variants of exported networks."""
