"""Code that the commands share: running an app, options of the link, progress bars."""
