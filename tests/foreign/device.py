"""A device written from docs/artifacts.md alone: numpy, ONNX Runtime, safetensors, gRPC and the .proto files.

`python device.py SERVER CHANNEL PHOTO.ppm…` prints a line of JSON for each: packet, and images of the answer.
"""

import hashlib
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from safetensors.numpy import load

from dsc.v1 import codebook_pb2, codebook_pb2_grpc, packet_pb2, transmission_pb2, transmission_pb2_grpc

Array = NDArray[Any]
Codes = list[list[int]]
SHIFT = 22  # fraction bits of the weights of a resize
TAPS = {packet_pb2.HEAD_CODEC_CRC6: (6, 0b100001), packet_pb2.HEAD_CODEC_SET: (13, 0x1CF5)}


# Section "Photos": bytes of a file → (1, 3, H, W) float32.


def read_ppm(data: bytes) -> Array:
    """(H, W, 3) uint8 of a binary PPM of 255 levels without comments."""
    header = re.match(rb"P6\s(\d+)\s(\d+)\s255\s", data)
    if header is None:
        raise ValueError(f"expected a binary PPM of 255 levels, got {data[:20]!r}")
    return np.frombuffer(data, np.uint8, offset=header.end()).reshape(int(header[2]), int(header[1]), 3)


def pixels_of(photo: Array, longest_side: int) -> Array:
    """The input of the network."""
    height, width, _ = photo.shape
    factor = longest_side / max(width, height)
    new_width, new_height = (max(32, round(side * factor)) for side in (width, height))
    scaled = resized(resized(photo.swapaxes(0, 1), new_width).swapaxes(0, 1), new_height)
    return (scaled.astype(np.float32) / np.float32(255)).transpose(2, 0, 1)[None]


def resized(lines: Array, size: int) -> Array:
    """Resample the first axis with a triangle filter, in fixed point."""
    if len(lines) == size:
        return lines
    scale = len(lines) / size
    stretch = max(scale, 1.0)
    result = np.empty((size, *lines.shape[1:]), dtype=np.uint8)
    for place in range(size):
        center = (place + 0.5) * scale
        first = max(0, int(center - stretch + 0.5))
        last = min(len(lines), int(center + stretch + 0.5))
        weights = [max(0.0, 1.0 - abs((x - center + 0.5) / stretch)) for x in range(first, last)]
        total = sum(weights)
        fixed = np.array([int(0.5 + weight / total * (1 << SHIFT)) for weight in weights])
        sums = np.tensordot(fixed, lines[first:last].astype(np.int64), axes=1) + (1 << (SHIFT - 1))
        result[place] = np.clip(sums >> SHIFT, 0, 255)
    return result


# Section "From q and p to a packet".


def labels_of(q: Array, p: Array, codewords: Array, manifest: Any) -> list[int]:
    """The labels of the head."""
    if manifest.head_rule == codebook_pb2.HEAD_RULE_LABELS:
        order = np.argsort(-p, kind="stable")
    else:
        order = np.argsort(((codewords - q) ** 2).sum(axis=1), kind="stable")
    return [int(label) for label in order[: manifest.format.head_labels]]


def transformed(feature: Array, tensors: dict[str, Array]) -> Array:
    """q in the space of the codewords."""
    if not tensors["mean"].size:
        return np.pad(feature, (0, tensors["codewords"].shape[1] - feature.size))
    z = (feature - tensors["mean"]) @ tensors["projection"]
    return z / np.linalg.norm(z) if z.any() else z


def nearest(vector: Array, words: Array) -> list[int]:
    """The nearest word of each sub-vector; zeros where there is none."""
    if not len(words):
        return [0] * words.shape[1]
    parts = vector.reshape(words.shape[1], -1)
    return [int(number) for number in ((words - parts) ** 2).sum(axis=2).argmin(axis=0)]


def codes_of(
    q: Array, partitions: list[int], codewords: Array, words_of: Callable[[int], Array], *, sequential: bool
) -> Codes:
    """A code for each partition."""
    error, codes = np.zeros_like(q), []
    for partition in partitions:
        words = words_of(partition)
        weight = np.float32(math.sqrt(len(words)))
        target = q + error / weight if sequential and weight else q
        code = nearest(target - codewords[partition], words)
        if weight:
            residual = np.concatenate([words[number, m] for m, number in enumerate(code)])
            error = error + weight * (q - (codewords[partition] + residual))
        codes.append(code)
    return codes


def bits_of(number: int, count: int) -> str:
    """Most significant bit first."""
    return format(number, f"0{count}b") if count else ""


def check_of(message: str, width: int, taps: int) -> str:
    """The remainder of a cyclic redundancy check, initial value 0."""
    register = 0
    for bit in message:
        feedback = (register >> (width - 1)) ^ int(bit)
        register = ((register << 1) & ((1 << width) - 1)) ^ (taps if feedback else 0)
    return bits_of(register, width)


def mask_of(label: int, place: int, bits: int) -> int:
    """The low bits of SplitMix64 at 4096 label + place."""
    everything = (1 << 64) - 1
    z = (4096 * label + place + 1) * 0x9E3779B97F4A7C15 & everything
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & everything
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & everything
    return (z ^ (z >> 31)) & ((1 << bits) - 1)


def padded_bytes(bits: str) -> bytes:
    """Bits, and zeros up to a whole byte."""
    size = -(-len(bits) // 8)
    return int(bits.ljust(8 * size, "0") or "0", 2).to_bytes(size, "big")


def packet_of(labels: list[int], codes: Codes, feature: Array, shape: Any) -> bytes:
    """Head and payload."""
    total, count = shape.num_partitions, shape.head_labels
    if shape.head_codec == packet_pb2.HEAD_CODEC_SET:
        order = sorted(range(count), key=lambda place: labels[place])
        labels = [labels[place] for place in order]
        codes = [codes[place] for place in order] if shape.payload == packet_pb2.PAYLOAD_CODES else codes
        number = sum(math.comb(label, place) for place, label in enumerate(labels, start=1))
        message = bits_of(number, (math.comb(total, count) - 1).bit_length())
    else:
        message = "".join(bits_of(label, (total - 1).bit_length()) for label in labels)
    check = check_of(message, *TAPS[shape.head_codec]) if message and shape.head_codec in TAPS else ""
    if shape.scrambled:
        codes = [
            [number ^ mask_of(label, place, shape.bits_per_subvector) for place, number in enumerate(code)]
            for label, code in zip(labels, codes, strict=True)
        ]
    packed = ["".join(bits_of(number, shape.bits_per_subvector) for number in code) for code in codes]
    payload = b"".join(padded_bytes(code) for code in packed)
    return padded_bytes(message + check) + payload + feature.astype("<f4").tobytes()


def encode(feature: Array, p: Array, manifest: Any, tensors: dict[str, Array], words_of: Any) -> bytes:
    """Feature and probabilities → packet."""
    shape, codewords = manifest.format, tensors["codewords"]
    q = transformed(feature, tensors)
    labels = labels_of(q, p, codewords, manifest)
    if shape.payload == packet_pb2.PAYLOAD_FEATURE:
        return packet_of(labels, [], q, shape)
    partitions = labels if shape.payload == packet_pb2.PAYLOAD_CODES else [0]
    codes = codes_of(q, partitions, codewords, words_of, sequential=manifest.sequential)
    return packet_of(labels, codes, np.zeros(0), shape)


# Section "Files".


def dequantized(words: Array, scales: Array | None, label: int) -> Array:
    """(n, M, F/M) float32."""
    return words.astype(np.float32) if scales is None else scales[label][:, None] * words.astype(np.float32)


class Server:
    """Downloads of a server."""

    def __init__(self, connection: grpc.Channel) -> None:
        self._stub = codebook_pb2_grpc.CodebookServiceStub(connection)
        self.manifest = self._stub.GetManifest(codebook_pb2.GetManifestRequest(), timeout=60).manifest
        parts = self.manifest.parts
        kinds = {artifact.kind: artifact for artifact in self.manifest.artifacts}
        self.model = self._file(kinds[codebook_pb2.ARTIFACT_KIND_MODEL])
        if self.manifest.HasField("parts"):
            self.tensors = load(self._file(parts.codewords))
        else:
            self.tensors = load(self._file(kinds[codebook_pb2.ARTIFACT_KIND_CODEBOOK]))

    def words_of(self, label: int) -> Array:
        """R^label."""
        if self.manifest.HasField("parts"):
            words = load(self._file(self.manifest.parts.subcodebooks[label]))["words"]
        else:
            words = self.tensors["words"][slice(*self.tensors["offsets"][label : label + 2])]
        return dequantized(words, self.tensors.get("scales"), label)

    def _file(self, wanted: Any) -> bytes:
        data = b"".join(self._pieces(wanted.sha256))
        if len(data) != wanted.size_bytes or hashlib.sha256(data).hexdigest() != wanted.sha256:
            raise ValueError(f"a file arrived damaged: {wanted.sha256}")
        return data

    def _pieces(self, sha256: str) -> Iterator[bytes]:
        version = self.manifest.codebook_version
        request = codebook_pb2.DownloadRequest(codebook_version=version, sha256=sha256)
        for reply in self._stub.Download(request, timeout=60):
            yield reply.data


class Network:
    """Photo → q and p."""

    def __init__(self, model: bytes) -> None:
        self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        metadata = self._session.get_modelmeta().custom_metadata_map
        self._longest_side = int(metadata["dsc.longest_side"])

    def extract(self, photo: Array) -> tuple[Array, Array]:
        """Feature and probabilities of (H, W, 3) uint8."""
        pixels = pixels_of(photo, self._longest_side)
        feature, p = self._session.run(["feature", "probabilities"], {"image": pixels})
        return feature[0], p[0]


def main(server: str, channel: str, *photos: str) -> None:
    """Ask with some photos."""
    with grpc.insecure_channel(server) as codebooks, grpc.insecure_channel(channel) as link:
        source = Server(codebooks)
        network, manifest = Network(source.model), source.manifest
        stub = transmission_pb2_grpc.TransmissionServiceStub(link)
        for number, photo in enumerate(photos):
            feature, p = network.extract(read_ppm(Path(photo).read_bytes()))
            data = encode(feature, p, manifest, source.tensors, source.words_of)
            packet = packet_pb2.Packet(
                data=data, format=manifest.format, codebook_version=manifest.codebook_version
            )
            request = transmission_pb2.TransmitRequest(request_id="foreign", packet=packet, sequence=number)
            images = [image.image_id for image in stub.Transmit(request, timeout=60).results.images]
            print(json.dumps({"packet": data.hex(), "images": images}))


if __name__ == "__main__":
    main(*sys.argv[1:])
