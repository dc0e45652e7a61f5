"""Outages of server and channel under load: what clients see, and how soon it is over."""
