"""A private certificate authority for server, channel and devices, and the folder of its certificates."""
