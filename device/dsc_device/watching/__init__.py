"""Folders whose new photos are queried: events, scans, files that are still being written."""
