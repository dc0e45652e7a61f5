"""A soak test of the device: `python -m device_soak`."""
