"""Figures from an experiment's CSV alone, as PNG and SVG."""
