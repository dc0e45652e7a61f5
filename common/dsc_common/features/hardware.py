"""Where a network computes."""

from typing import Literal

Hardware = Literal["cpu", "cuda"]
CPU: Hardware = "cpu"
CUDA: Hardware = "cuda"  # one GPU of NVIDIA
