"""Plain values to messages and back: a module for each .proto file."""
