"""Load tests: the highest rate that services hold, what limits it, and how they keep over a long time."""
