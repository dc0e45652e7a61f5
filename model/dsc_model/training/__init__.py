"""Training of the feature network M_f, eqs. (8) to (10), on tuples of photos."""
