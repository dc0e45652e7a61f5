"""A device that is killed at random points: no query is lost, and none is answered twice in the results."""
