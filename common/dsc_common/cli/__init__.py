"""Shared by the commands: running an app, options of the link, progress bars."""
