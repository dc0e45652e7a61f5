"""Options of a retrieval request, and its ranked results."""
