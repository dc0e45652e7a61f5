"""What two roles share: packet, codebooks, modulation, extractor, wire, serving, errors."""
