"""Photos to features q and label probabilities p (eqs. 8, 10)."""
