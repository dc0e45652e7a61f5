"""On either machine: extract photos once, and encode them for the index of each server.

python packets.py OUT SERVERS CACHE PHOTO…: OUT is an .npz file, SERVERS are HOST:PORT with commas between.
"""

import hashlib
import sys
from functools import partial
from pathlib import Path

import numpy as np

from dsc_common.features.images import load_pixels
from dsc_common.serving.address import Peer
from dsc_device.client import open_server
from dsc_device.codebooks.choice import Codebooks
from dsc_device.codebooks.download import fetch_encoder_kit

WAIT_S = 120.0


def main(out: str, servers: str, cache: str, *photos: str) -> None:
    """Write features (n, F), probabilities (n, K), SHA-256 of the pixels, and packets (n, B) per server."""
    kits = []
    for server in servers.split(","):
        connect = partial(open_server, Peer("server", server), WAIT_S)
        with connect() as client:
            kind = Codebooks.ON_DEMAND  # a thousand downloads take half an hour under emulation
            kits.append(fetch_encoder_kit(client, Path(cache), 1, codebooks=kind, connect=connect))
    network = kits[0].extractor
    if network is None:
        raise SystemExit("error: the index has no network")
    pixels = [load_pixels(Path(photo), network.info.longest_side) for photo in photos]
    found = [network.run(each) for each in pixels]
    packets = {
        f"packets_{number}": np.array([list(kit.pack(each).data) for each in found], dtype=np.uint8)
        for number, kit in enumerate(kits)
    }
    np.savez(
        out,
        features=np.array([each.feature for each in found]),
        probabilities=np.array([each.probabilities for each in found]),
        pixels=np.array([hashlib.sha256(each.tobytes()).hexdigest() for each in pixels]),
        **packets,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
