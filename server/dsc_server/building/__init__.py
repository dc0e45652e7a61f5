"""Photos to index: extraction, partitions, sub-codebooks, codes."""
