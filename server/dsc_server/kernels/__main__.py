"""Compile the loops ahead of serving, as for the image of a container: `python -m dsc_server.kernels`."""

import sys

from dsc_server.kernels.choice import kernels

if __name__ == "__main__":
    print(f"ranking computes with {kernels().name}", file=sys.stderr)
