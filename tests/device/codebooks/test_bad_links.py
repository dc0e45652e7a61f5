"""Downloads over links that damage or cut them, from servers that change: the right packet, or a refusal."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from dsc.v1 import codebook_pb2
from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.manifest import Manifest
from dsc_common.errors import DamagedIndexError, UnknownCodebookError
from dsc_common.features.extraction import Extraction
from dsc_common.packet.format import PacketFormat
from dsc_common.serving.address import Peer
from dsc_device.client import CodebookClient
from dsc_device.codebooks import file_download
from dsc_device.codebooks.choice import Codebooks
from dsc_device.codebooks.download import fetch_encoder_kit
from dsc_device.encoder_kit import EncoderKit
from helpers.examples import random_codebook
from helpers.fake_codebooks import FakeServer

SIZES, M, WIDTH, T = [2, 0, 3, 1], 2, 2, 3
each_kind = pytest.mark.parametrize("kind", Codebooks)


def codebook(seed: int) -> Codebook:
    return random_codebook(np.random.default_rng(seed), SIZES, M, WIDTH)


def queries() -> list[Extraction]:
    rng = np.random.default_rng(3)
    return [
        Extraction(
            rng.standard_normal(M * WIDTH).astype(np.float32), rng.random(len(SIZES)).astype(np.float32)
        )
        for _ in range(4)
    ]


def packets(kit: EncoderKit) -> list[bytes]:
    return [kit.encode(query).data for query in queries()]


def expected(seed: int, manifest: Manifest) -> list[bytes]:
    return packets(EncoderKit(replace(manifest, parts=None), codebook(seed), None))


@dataclass
class BadLink(FakeServer):
    """Flips one byte of all that is sent, or offers another codebook after some pieces."""

    flips_at: int = -1
    changes_after: int = -1
    bytes_sent: int = 0
    pieces_sent: int = 0

    def sent(self, piece: bytes) -> bytes:
        start, self.bytes_sent = self.bytes_sent, self.bytes_sent + len(piece)
        self.pieces_sent += 1
        if self.pieces_sent == self.changes_after:
            self.offer_in_parts(codebook(1), "2")
        if not start <= self.flips_at < self.bytes_sent:
            return piece
        place = self.flips_at - start
        return piece[:place] + bytes([piece[place] ^ (1 << self.flips_at % 8)]) + piece[place + 1 :]


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> BadLink:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # no power fails here
    monkeypatch.setattr(file_download.time, "sleep", lambda _pause_s: None)
    fmt = PacketFormat(len(SIZES), T, M)
    bad = BadLink({}, Manifest("1", "dsc-pq", fmt, M * WIDTH, 9, {}), piece_bytes=100)
    bad.offer_in_parts(codebook(0), "1")
    return bad


def fetch(server: FakeServer, cache: Path, kind: Codebooks) -> EncoderKit:
    client = CodebookClient(server, Peer("server", "example:50051"), 60)  # type: ignore[arg-type]
    return fetch_encoder_kit(client, cache, codebooks=kind)


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_flipped_byte_never_gives_a_wrong_packet(every: int, link: BadLink, tmp_path: Path) -> None:
    kind = Codebooks.FULL
    right = expected(0, link.manifest)
    assert packets(fetch(link, tmp_path / "first", kind)) == right
    assert link.bytes_sent > 600
    places, refused = range(0, link.bytes_sent, every), 0
    for place in places:
        cache = tmp_path / str(place)
        link.flips_at, link.bytes_sent = place, 0
        try:
            assert packets(fetch(link, cache, kind)) == right
        except DamagedIndexError:
            refused += 1
        link.flips_at = -1
        assert packets(fetch(link, cache, kind)) == right
    assert refused == len(places)  # a download that is not resumed is refused, and made again by the next run


@each_kind
@pytest.mark.parametrize("piece_bytes", [1, 7, 100])
def test_a_link_that_is_cut_after_each_piece_is_enough(
    piece_bytes: int, kind: Codebooks, link: BadLink, tmp_path: Path
) -> None:
    link.piece_bytes, link.fails_after = piece_bytes, 1
    assert packets(fetch(link, tmp_path, kind)) == expected(0, link.manifest)
    sent = {path.stem: path.stat().st_size for path in tmp_path.iterdir()}
    assert sum(sent.values()) == link.bytes_sent  # each byte once


@each_kind
def test_a_server_that_changes_at_any_piece_gives_one_codebook_or_the_other(
    kind: Codebooks, link: BadLink, tmp_path: Path
) -> None:
    fetch(link, tmp_path / "first", kind).encode(queries()[0])
    pieces, renewed = link.pieces_sent, 0
    for piece in range(1, pieces + 1):
        link.offer_in_parts(codebook(0), "1")
        link.changes_after, link.pieces_sent = piece, 0
        kit = fetch(link, tmp_path / str(piece), kind)
        try:
            made = packets(kit)
        except UnknownCodebookError:  # the querier fetches again
            kit = fetch(link, tmp_path / str(piece), kind)
            made = packets(kit)
        renewed += kit.manifest.codebook_version == "2"
        assert made == expected(int(kit.manifest.codebook_version) - 1, kit.manifest)
    assert renewed > 1


@each_kind
def test_what_comes_in_another_order_is_refused(kind: Codebooks, link: BadLink, tmp_path: Path) -> None:
    pieces = FakeServer._pieces

    def swapped(request: codebook_pb2.DownloadRequest) -> Iterator[codebook_pb2.DownloadResponse]:
        return reversed(list(pieces(link, request)))  # type: ignore[return-value]

    link._pieces = swapped  # type: ignore[method-assign]
    with pytest.raises(DamagedIndexError):
        packets(fetch(link, tmp_path, kind))
