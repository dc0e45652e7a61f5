"""Figures from an experiment's CSV, never computed anew: PNG and SVG."""
