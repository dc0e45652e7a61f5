"""Networks compared on the same photos: what queries lose with another one than that of the database."""
