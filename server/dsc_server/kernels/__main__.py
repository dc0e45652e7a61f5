"""Compile the loops ahead of serving, as for the image of a container: `python -m dsc_server.kernels`."""

from dsc_common.cli.streams import say
from dsc_server.kernels.choice import kernels

if __name__ == "__main__":
    say(f"ranking computes with {kernels().name}")
