"""Load on running services: clients in a closed loop, each a device that waits for its answer."""
