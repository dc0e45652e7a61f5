"""Code that several roles share: packet, codebooks, radio, extractor, wire, serving, errors."""
