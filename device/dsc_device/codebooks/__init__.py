"""The server's codebooks and model on the device."""
