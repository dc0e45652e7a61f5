"""Tokens of the server: their file, and the rule of access that follows it."""
