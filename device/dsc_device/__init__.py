"""The edge device: photo in, 47-byte packet out, ranked results back."""
