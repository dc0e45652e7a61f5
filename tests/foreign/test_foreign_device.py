"""A device that shares no code with the project makes the same packets: from golden vectors, and online."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsc_common.features.images import load_pixels
from dsc_common.packet.format import HeadCodec, PacketFormat, Payload
from dsc_common.packet.packing import Packet, pack
from dsc_common.wire.codebook import manifest_to_proto
from dsc_common.wire.packet import format_to_proto
from dsc_device.encoder_kit import EncoderKit
from foreign import device as foreign
from helpers import in_process
from helpers.golden_device import FOLDER, SCHEMES, parts_of, read_golden
from helpers.real_processes import json_lines, start_channel, start_server
from helpers.tiny_model import write_tiny_model

SOURCE = Path(foreign.__file__)
ALLOWED = {"numpy", "onnxruntime", "safetensors", "grpc", "dsc"}
NO_CODES = np.zeros(0)


def test_it_uses_none_of_the_project_s_code() -> None:
    tree = ast.parse(SOURCE.read_text())
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    outside = {name.split(".")[0] for name in names} - sys.stdlib_module_names
    assert outside == ALLOWED
    assert {name for name in names if name.startswith("dsc")} == {"dsc.v1"}


def test_the_golden_vectors_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 300_000


@pytest.mark.parametrize("scheme", SCHEMES)
def test_both_devices_make_the_golden_packets(scheme: str) -> None:
    golden = read_golden(scheme)
    kit = EncoderKit(golden.manifest, golden.codebook, None)
    message = manifest_to_proto(golden.manifest)
    tensors = foreign.load((FOLDER / f"{scheme}.safetensors").read_bytes())

    def words_of(label: int) -> foreign.Array:
        words = tensors["words"][slice(*tensors["offsets"][label : label + 2])]
        return foreign.dequantized(words, tensors.get("scales"), label)

    for query, packet in zip(golden.queries, golden.packets, strict=True):
        assert kit.encode(query).data == packet
        assert foreign.encode(query.feature, query.probabilities, message, tensors, words_of) == packet
    if golden.manifest.parts is not None:
        assert parts_of(golden.codebook) == golden.manifest.parts


FORMATS = [
    PacketFormat(1000, 5, 8),
    PacketFormat(1000, 5, 40, payload=Payload.CODE),
    PacketFormat(1000, 5, 8, head_codec=HeadCodec.ZERO, scrambled=True),
    PacketFormat(1000, 5, 3, 5, HeadCodec.SET, scrambled=True),
    PacketFormat(33, 2, 7, 3, HeadCodec.SET),
    PacketFormat(1, 1, 4),
    PacketFormat(60, 4, 1, payload=Payload.FEATURE, payload_dim=9),
]


@pytest.mark.parametrize("fmt", FORMATS, ids=[fmt.key for fmt in FORMATS])
def test_both_pack_alike(fmt: PacketFormat) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        labels = rng.permutation(fmt.num_partitions)[: fmt.head_labels].astype(np.int64)
        shape = (fmt.num_codes, fmt.num_subvectors)
        codes = rng.integers(0, 1 << fmt.bits_per_subvector, shape, dtype=np.uint8)
        feature = rng.standard_normal(fmt.payload_dim).astype(np.float32)
        theirs = foreign.packet_of(labels.tolist(), codes.tolist(), feature, format_to_proto(fmt))
        assert theirs == pack(Packet(labels, codes, feature), fmt)


@pytest.mark.parametrize("size", [(90, 70), (70, 90), (64, 48), (30, 20), (500, 33), (41, 399), (64, 64)])
@pytest.mark.parametrize("longest_side", [64, 97])
def test_both_see_the_same_pixels(size: tuple[int, int], longest_side: int, tmp_path: Path) -> None:
    samples = np.random.default_rng(7).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(samples).save(tmp_path / "a.ppm")
    theirs = foreign.pixels_of(foreign.read_ppm((tmp_path / "a.ppm").read_bytes()), longest_side)
    ours = load_pixels(tmp_path / "a.ppm", longest_side)
    assert theirs.dtype == ours.dtype
    assert np.array_equal(theirs, ours)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(11)
    paths = []
    for number in range(12):
        coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        path = folder / f"{number}.ppm"
        Image.fromarray(coarse).resize((120 + number, 90)).save(path)
        paths.append(path)
    return paths


@pytest.mark.parametrize("scheme", ["dsc", "dsc-pq"])
def test_both_ask_a_running_server(scheme: str, photos: list[Path], tmp_path: Path) -> None:
    model, index = write_tiny_model(tmp_path / "model.onnx"), tmp_path / "index"
    options = ("--index", index, "--model", model, "--scheme", scheme, "--no-keep")
    built = in_process.run("dsc_server", "build", photos[0].parent, *options)
    assert built.returncode == 0, built.stderr
    with start_server(index) as server, start_channel(server.address, "--snr-db", "inf") as channel:
        places = ("--server", server.address, "--channel", channel.address, "--cache", tmp_path / "cache")
        asked = in_process.run("dsc_device", "query", *photos, *places, "--json", "--request-id", "foreign")
        command = [sys.executable, str(SOURCE), server.address, channel.address, *map(str, photos)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    ours, theirs = json_lines(asked.stdout), json_lines(done.stdout)
    assert [line["packet"] for line in theirs] == [line["packet"] for line in ours]
    assert [line["images"] for line in theirs] == [
        [image["image_id"] for image in line["results"]] for line in ours
    ]
    assert len(theirs) == len(photos)
    assert all(line["images"] for line in theirs)
