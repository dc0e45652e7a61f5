"""Photos and features → packets, with the codebook of a server or an index, as a device makes them."""

from collections.abc import Sequence
from pathlib import Path

from dsc_common.cli.streams import say
from dsc_common.features.extraction import Extraction
from dsc_device.codebooks.configured import connect, load_kit
from dsc_device.encoder_kit import EncoderKit
from dsc_device.settings import DeviceSettings
from dsc_eval.load.requests import Packets
from dsc_server.index.files import read_index


def encode_with(settings: DeviceSettings, queries: Sequence[Path | Extraction]) -> Packets:
    """Packets for the index of a running server.

    Args:
        settings: server that the codebook is downloaded from, folder of downloads, time limits.
        queries: photos, or features with probabilities.

    Raises:
        InvalidImageError: a photo cannot be read.
        InvalidInputError: features do not fit the index.
        DscError: the server does not answer, or its files are damaged.
        OSError: the cache cannot be written.
    """
    with connect(settings) as client:
        kit = load_kit(client, settings, say)
        return Packets(kit.manifest, [kit.encode(query).data for query in queries])


def encode_offline(index: Path, queries: Sequence[Extraction]) -> Packets:
    """Packets for an index on this disk.

    Raises:
        DscError: the index is damaged.
    """
    loaded = read_index(index)
    kit = EncoderKit(loaded.manifest.offer(), loaded.index.codebook, None)
    return Packets(kit.manifest, [kit.encode(query).data for query in queries])
