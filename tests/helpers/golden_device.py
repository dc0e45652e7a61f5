"""Golden vectors of a device: tiny codebooks, features with probabilities, and their packets.

`PYTHONPATH=tests python -m helpers.golden_device` writes tests/golden/device again.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from dsc_common.codebook.codebook import Codebook
from dsc_common.codebook.file import codebook_to_bytes, map_codebook
from dsc_common.codebook.manifest import Artifact, CodebookParts, HeadRule, Manifest
from dsc_common.codebook.parts import codewords_to_bytes, words_file
from dsc_common.codebook.precision import Precision
from dsc_common.features.extraction import Extraction
from dsc_common.packet.format import HeadCodec, PacketFormat, Payload
from dsc_device.encoder_kit import EncoderKit
from helpers.fake_codebooks import file_of

FOLDER = Path(__file__).parents[1] / "golden" / "device"
SCHEMES = {
    "dsc+M=6+D=12": Precision.FLOAT16,
    "dsc-pq+M=4": Precision.INT8,
    "dsc-pq+M=6+estimate+sequential+scrambled": Precision.INT8,
    "duc-ivf-pq+M=4+K=12+set": Precision.FLOAT32,
}
IMAGES, LABELS, DIM, QUERIES, HEAD = 300, 16, 20, 6, 3


@dataclass(frozen=True, eq=False)
class GoldenVectors:
    """What is stored of one scheme.

    Attributes:
        manifest: rules of the packets; the parts of the codebook, if it has any.
        codebook: C and R.
        queries: q and p.
        packets: the packet of each query.
    """

    manifest: Manifest
    codebook: Codebook
    queries: list[Extraction]
    packets: list[bytes]


def read_golden(scheme: str) -> GoldenVectors:
    """The vectors of a scheme."""
    stored = json.loads((FOLDER / "packets.json").read_text())[scheme]
    shape = stored["format"]
    fmt = PacketFormat(
        **{**shape, "head_codec": HeadCodec(shape["head_codec"]), "payload": Payload(shape["payload"])}
    )
    parts = stored["parts"] and CodebookParts(
        Artifact(**stored["parts"]["codewords"]),
        tuple(Artifact(**file) for file in stored["parts"]["subcodebooks"]),
    )
    manifest = Manifest(
        "golden", scheme, fmt, DIM, IMAGES, {}, HeadRule(stored["head_rule"]), stored["sequential"], parts
    )
    tensors = load_file(FOLDER / "queries.safetensors")
    queries = [Extraction(q, p) for q, p in zip(tensors["feature"], tensors["probabilities"], strict=True)]
    packets = [bytes.fromhex(packet) for packet in stored["packets"]]
    return GoldenVectors(manifest, map_codebook(FOLDER / f"{scheme}.safetensors"), queries, packets)


def parts_of(codebook: Codebook) -> CodebookParts:
    """Sizes and hashes of a codebook's parts."""
    words = [file_of(words_file(codebook, label)[:]) for label in range(codebook.num_partitions)]
    return CodebookParts(file_of(codewords_to_bytes(codebook)), tuple(words))


def _write() -> None:
    from dsc_server.building.indexing import build_index
    from dsc_server.scheme_specs import parse_scheme

    rng = np.random.default_rng(13)
    database, likely = _features(rng, IMAGES), _probabilities(rng, IMAGES)
    labels = np.argsort(-likely, axis=1)[:, :5]
    feature, probabilities = _features(rng, QUERIES), _probabilities(rng, QUERIES)
    queries = save({"feature": feature, "probabilities": probabilities})
    (FOLDER / "queries.safetensors").write_bytes(queries)
    stored: dict[str, Any] = {}
    for scheme, precision in SCHEMES.items():
        spec = parse_scheme(scheme)
        index = build_index(database, labels, PacketFormat(LABELS, HEAD), spec, precision=precision)
        fmt, codebook = index.format, index.codebook
        manifest = Manifest("", scheme, fmt, DIM, IMAGES, {}, spec.head_rule, spec.sequential)
        kit = EncoderKit(manifest, codebook, None)
        (FOLDER / f"{scheme}.safetensors").write_bytes(codebook_to_bytes(codebook))
        extractions = [Extraction(q, p) for q, p in zip(feature, probabilities, strict=True)]
        stored[scheme] = {
            "format": asdict(fmt),
            "head_rule": str(spec.head_rule),
            "sequential": spec.sequential,
            "parts": asdict(parts_of(codebook)) if fmt.payload is Payload.CODES else None,
            "packets": [kit.encode(query).data.hex() for query in extractions],
        }
    (FOLDER / "packets.json").write_text(json.dumps(stored, indent=1) + "\n")


def _features(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    features = rng.standard_normal((count, DIM)).astype(np.float32)
    return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True), dtype=np.float32)


def _probabilities(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    popular = rng.standard_normal((count, LABELS)) - np.linspace(0, 4, LABELS)  # some labels have no image
    weights = np.exp(2 * popular)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


if __name__ == "__main__":
    _write()
