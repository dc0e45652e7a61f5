"""Photo to feature q and label probabilities p (eqs. 8, 10)."""
