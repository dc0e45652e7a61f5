"""What a request asks of the server, and what it answers."""
