"""Where answers from the queue are written: a file of JSON lines, or standard output."""
