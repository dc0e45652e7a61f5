"""Photos and features → packets, with the codebook of a running server, as a device makes them."""

from collections.abc import Sequence
from pathlib import Path

from dsc_common.cli.streams import say
from dsc_common.features.extraction import Extraction
from dsc_common.serving.address import Peer
from dsc_device.client import open_server
from dsc_device.codebooks.download import fetch_encoder_kit
from dsc_eval.load.requests import Packets


def encode_for(
    server: Peer,
    queries: Sequence[Path | Extraction],
    cache: Path,
    wait_s: float,
    threads: int | None = None,
) -> Packets:
    """Packets for the index of a server.

    Args:
        server: that the codebook is downloaded from.
        queries: photos, or features with probabilities.
        cache: folder of downloads.
        wait_s: time limit of the server's answers, in seconds.
        threads: of the network.

    Raises:
        InvalidImageError: a photo cannot be read.
        InvalidInputError: features do not fit the index.
        DscError: the server does not answer, or its files are damaged.
        OSError: the cache cannot be written.
    """
    with open_server(server, wait_s) as client:
        kit = fetch_encoder_kit(client, cache, threads, say)
    return Packets(kit.manifest, [kit.encode(query).data for query in queries])
