"""An index directory: the round trip, and that no damage to any of its files goes unseen."""

import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from dsc_common.codebook.file import codebook_from_bytes
from dsc_common.codebook.manifest import ArtifactKind
from dsc_common.errors import DamagedIndexError
from dsc_common.packet.format import HeadCodec, PacketFormat
from dsc_server.building.indexing import build_index
from dsc_server.index.catalogue import CatalogueImage
from dsc_server.index.files import LoadedIndex, read_index, write_index
from dsc_server.index.manifest import IndexManifest, read_manifest
from dsc_server.index.receiver_model import DEFAULT_MODEL
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.scheme_specs import SCHEMES, parse_scheme
from helpers.examples import random_index, semantic_index

FMT = PacketFormat(num_partitions=4, head_labels=2, num_subvectors=2, bits_per_subvector=2)
FILES = [
    "manifest.json",
    "codebook.safetensors",
    "model.onnx",
    "lists.safetensors",
    "catalogue.jsonl",
    "features.npy",
    "summary.safetensors",
]
SPEC = SCHEMES["dsc-pq"]


def catalogue(count: int = 9, folder: str = "photos") -> list[CatalogueImage]:
    return [CatalogueImage(f"{folder}/{i}.jpg", f"file:///photos/{i}.jpg", i % 4) for i in range(count)]


def example(seed: int, fmt: PacketFormat = FMT) -> SemanticIndex:
    """An index with codes and features."""
    rng = np.random.default_rng(seed)
    index = random_index(rng, [3, 0, 5, 1], fmt, 3)
    features = rng.standard_normal((9, 6)).astype(np.float16)
    return semantic_index(fmt, index.codebook, index.codes, index.images, index.offsets, features)


def write(folder: Path, seed: int, model: bytes, fmt: PacketFormat = FMT) -> IndexManifest:
    folder.mkdir()
    (folder / "model.onnx").write_bytes(model)
    index = example(seed, fmt)
    return write_index(folder, index, catalogue(folder=f"photos{seed}"), SPEC, "tiny", feature_dim=6)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index directory; no test changes it."""
    folder = tmp_path_factory.mktemp("index") / "whole"
    write(folder, 1, b"a model, as far as the index is concerned")
    return folder


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another index of as many images with the same shapes, and a model of the same length."""
    folder = tmp_path_factory.mktemp("index") / "other"
    write(folder, 2, b"another, of as many bytes as the first is")
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def same(left: LoadedIndex, right: LoadedIndex) -> bool:
    arrays = ["codes", "images", "offsets", "features"]
    parts = ["codewords", "words", "offsets"]
    return (
        left.manifest == right.manifest
        and left.catalogue == right.catalogue
        and left.index.format == right.index.format
        and all(np.array_equal(getattr(left.index, name), getattr(right.index, name)) for name in arrays)
        and all(
            np.array_equal(getattr(left.index.codebook, name), getattr(right.index.codebook, name))
            for name in parts
        )
        and all(left.artifacts[kind][:] == right.artifacts[kind][:] for kind in ArtifactKind)
    )


def refusal(folder: Path) -> str:
    """The one line with which an index is refused."""
    with pytest.raises(DamagedIndexError) as caught:
        read_index(folder)
    line = str(caught.value)
    assert "\n" not in line
    assert str(folder) in line
    return line


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((folder / "manifest.json").read_text())
    change(content)
    (folder / "manifest.json").write_text(json.dumps(content))


def test_round_trip(whole: Path) -> None:
    loaded = read_index(whole)
    original = example(1)
    for name in ("codes", "images", "offsets", "features"):
        assert np.array_equal(getattr(loaded.index, name), getattr(original, name))
        assert getattr(loaded.index, name).dtype == getattr(original, name).dtype
    for name in ("codewords", "words", "offsets"):
        assert np.array_equal(getattr(loaded.index.codebook, name), getattr(original.codebook, name))
    assert loaded.catalogue == dict(enumerate(catalogue(folder="photos1")))
    assert loaded.index.summary.receiver_model == DEFAULT_MODEL
    assert loaded.manifest == read_manifest(whole)
    assert loaded.manifest.packet_format == FMT
    assert (loaded.manifest.scheme, loaded.manifest.backbone) == ("dsc-pq", "tiny")
    assert (loaded.manifest.num_images, loaded.manifest.feature_dim) == (9, 6)
    assert sorted(path.name for path in whole.iterdir()) == sorted(FILES)


def resign(folder: Path) -> None:
    """Make the manifest agree with the files as they are: damage that no checksum tells of."""
    content = json.loads((folder / "manifest.json").read_text())
    for name in content["files"]:
        data = (folder / name).read_bytes()
        content["files"][name] = {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest = IndexManifest.model_validate(content)
    content["checksum"] = manifest.computed_checksum()
    (folder / "manifest.json").write_text(json.dumps(content))


def as_bytes(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=allow_pickle)
    return file.getvalue()


WRONG_FEATURES = {
    "no array": b"not an array",
    "nothing": b"",
    "a pickled object": as_bytes(np.array([{"a": 1}], dtype=object), allow_pickle=True),
    "too short for its shape": as_bytes(np.zeros((9, 6), dtype=np.float16))[:-1],
    "whole numbers": as_bytes(np.zeros((9, 6), dtype=np.int16)),
    "doubles": as_bytes(np.zeros((9, 6))),
    "another rank": as_bytes(np.zeros(54, dtype=np.float16)),
    "another length of the feature": as_bytes(np.zeros((9, 5), dtype=np.float16)),
    "fewer images": as_bytes(np.zeros((8, 6), dtype=np.float16)),
}


@pytest.mark.parametrize("content", WRONG_FEATURES.values(), ids=WRONG_FEATURES.keys())
def test_features_that_are_none_are_refused_even_with_a_checksum(content: bytes, copy: Path) -> None:
    (copy / "features.npy").write_bytes(content)
    resign(copy)
    assert " is damaged: " in refusal(copy)


@pytest.fixture
def grouped(tmp_path: Path) -> Path:
    """An index with sub-cells."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((9, 6)).astype(np.float32)
    spec = parse_scheme("duc-gp-raw+K=4")
    index = build_index(features, np.zeros(9, dtype=np.int64), PacketFormat(4, 2), spec)
    (tmp_path / "grouped").mkdir()
    (tmp_path / "grouped" / "model.onnx").write_bytes(b"model")
    write_index(tmp_path / "grouped", index, catalogue(), spec, "tiny", feature_dim=6)
    return tmp_path / "grouped"


def test_subcells_are_written_and_read(grouped: Path) -> None:
    subcells = read_index(grouped).index.subcells
    written = load((grouped / "lists.safetensors").read_bytes())
    assert subcells is not None
    assert subcells.neighbours.shape == (4, 3)
    for name in ("alphas", "neighbours", "members"):
        assert getattr(subcells, name).tolist() == written[name].tolist()


@pytest.mark.parametrize("change", ["missing", "another type", "another shape", "beyond the cells"])
@pytest.mark.parametrize("name", ["alphas", "neighbours", "members"])
def test_subcells_that_do_not_fit_are_refused_even_with_a_checksum(
    name: str, change: str, grouped: Path
) -> None:
    tensors = load((grouped / "lists.safetensors").read_bytes())
    if change == "missing":
        del tensors[name]
    elif change == "another type":
        tensors[name] = tensors[name].astype(np.float64)
    elif change == "another shape" or name == "alphas":
        tensors[name] = tensors[name][:-1]
    else:
        tensors[name] = tensors[name] + 4
    (grouped / "lists.safetensors").write_bytes(save(tensors))
    resign(grouped)
    assert " is damaged: " in refusal(grouped)


def test_subcells_of_another_scheme_are_refused(copy: Path, grouped: Path) -> None:
    shutil.copyfile(grouped / "lists.safetensors", copy / "lists.safetensors")
    resign(copy)
    assert "lists.safetensors is damaged: expected the tensors " in refusal(copy)


def test_an_image_in_several_lists_is_no_damage(copy: Path) -> None:
    tensors = load((copy / "lists.safetensors").read_bytes())
    tensors["images"] = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8])
    tensors["images"][3] = 0  # image 3 is in no list now
    (copy / "lists.safetensors").write_bytes(save(tensors))
    resign(copy)
    assert refusal(copy) == f"{copy} is damaged: its lists do not hold its images"
    index = random_index(np.random.default_rng(1), [3, 0, 5, 1], FMT, 3)
    index.images[:] = [0, 1, 2, 0, 3, 4, 5, 6, 1]
    write_index(copy, index, catalogue(7), SPEC, "tiny", feature_dim=6)
    assert read_index(copy).index.num_images == 7


def test_written_twice_it_is_the_same_bytes_and_version(whole: Path, tmp_path: Path) -> None:
    manifest = write(tmp_path / "again", 1, (whole / "model.onnx").read_bytes())
    assert manifest == read_manifest(whole)
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (whole / name).read_bytes()


def test_the_version_changes_with_codebook_model_and_format(whole: Path, other: Path, tmp_path: Path) -> None:
    model = (whole / "model.onnx").read_bytes()
    zero = PacketFormat(4, 2, 2, 2, HeadCodec.ZERO)
    manifests = [
        read_manifest(whole),
        write(tmp_path / "codebook", 2, model),
        write(tmp_path / "model", 1, (other / "model.onnx").read_bytes()),
        write(tmp_path / "format", 1, model, zero),
    ]
    assert len({manifest.codebook_version for manifest in manifests}) == 4


def test_what_it_offers_for_download(whole: Path) -> None:
    loaded = read_index(whole)
    offer = loaded.manifest.offer()
    assert (offer.format, offer.feature_dim, offer.num_images) == (FMT, 6, 9)
    assert loaded.artifacts[ArtifactKind.MODEL][:] == (whole / "model.onnx").read_bytes()
    codebook = loaded.artifacts[ArtifactKind.CODEBOOK][:]
    assert codebook_from_bytes(codebook).words.tolist() == loaded.index.codebook.words.tolist()
    assert offer.artifacts[ArtifactKind.CODEBOOK].size_bytes == len(codebook)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_told(name: str, copy: Path) -> None:
    (copy / name).unlink()
    assert name in refusal(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_a_folder_is_told(name: str, copy: Path) -> None:
    (copy / name).unlink()
    (copy / name).mkdir()
    assert name in refusal(copy)


@pytest.mark.parametrize("name", FILES)
def test_the_file_of_another_index_is_told(name: str, copy: Path, other: Path) -> None:
    assert read_index(other)
    shutil.copyfile(other / name, copy / name)
    refusal(copy)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=15)
@given(data=st.data())
def test_a_truncated_file_is_told(name: str, whole: Path, data: st.DataObject) -> None:
    content = (whole / name).read_bytes()
    # The last byte of the manifest is a line feed, and without it it still says the same.
    kept = data.draw(st.integers(0, len(content) - (2 if name == "manifest.json" else 1)))
    with altered(whole, name, content[:kept]) as folder:
        assert name in refusal(folder)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=40)
@given(data=st.data())
def test_a_flipped_bit_is_told(name: str, whole: Path, data: st.DataObject) -> None:
    content = bytearray((whole / name).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with altered(whole, name, bytes(content)) as folder:
        refusal(folder)


def test_every_flipped_bit_of_the_manifest_is_told(whole: Path) -> None:
    content = (whole / "manifest.json").read_bytes()
    for position in range(len(content)):
        hit = bytearray(content)
        hit[position] ^= 1 << position % 8
        with altered(whole, "manifest.json", bytes(hit)) as folder, pytest.raises(DamagedIndexError):
            read_manifest(folder)


@pytest.mark.parametrize("name", FILES)
def test_bytes_behind_the_end_are_told(name: str, copy: Path) -> None:
    with (copy / name).open("ab") as file:
        file.write(b"x")
    assert name in refusal(copy)


def test_a_foreign_folder_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"not an index directory (it has no manifest.json): {tmp_path}"
    assert refusal(tmp_path / "none").startswith("not an index directory")
    (tmp_path / "file").write_text("x")
    assert refusal(tmp_path / "file").startswith("not an index directory")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "x",
        "{}",
        "[]",
        "null",
        '{"name": "my web app", "manifest_version": 3}',
        '{"format": "other", "format_version": 1}',
        "\udcff",
        "[" * 5000,
    ],
)
def test_a_foreign_manifest_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(content.encode(errors="surrogateescape"))
    assert "manifest.json is damaged or not ours: " in refusal(tmp_path)


def test_a_newer_format_is_told_by_its_version_whatever_else_it_holds(copy: Path) -> None:
    edit(copy, lambda content: content.update(format_version=7, shards=4))
    assert refusal(copy) == (
        "expected an index of format version 6 or 5 or 4, got 7 "
        f"(build it again with this version of dsc-server): {copy}"
    )


def as_version_4(folder: Path) -> None:
    """What an index directory was before it had a summary, to the letter."""
    (folder / "summary.safetensors").unlink()
    lines = [json.loads(line) for line in (folder / "catalogue.jsonl").read_text().splitlines()]
    plain = [{key: line[key] for key in ("id", "uri", "label")} for line in lines]
    (folder / "catalogue.jsonl").write_text("".join(json.dumps(line) + "\n" for line in plain))
    content = json.loads((folder / "manifest.json").read_text())
    data = (folder / "catalogue.jsonl").read_bytes()
    entry = {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    del content["receiver_model"], content["files"]["summary.safetensors"], content["checksum"]
    content["files"]["catalogue.jsonl"] = entry
    content["format_version"] = 4
    former = {"num_partitions": "num_labels", "payload_dim": "feature_dim"}
    content["packet"] = {former.get(key, key): value for key, value in content["packet"].items()}
    rest = json.dumps(content, sort_keys=True)
    content["checksum"] = hashlib.sha256(rest.encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(content))


def test_an_index_of_version_4_is_read_and_its_summary_learned(whole: Path, copy: Path) -> None:
    as_version_4(copy)
    before, now = read_index(copy), read_index(whole)
    assert before.catalogue == now.catalogue
    assert before.index.summary.receiver_model == DEFAULT_MODEL
    learned, stored = before.index.summary.label_model, now.index.summary.label_model
    assert (learned.beta, learned.sizes.tolist()) == (stored.beta, stored.sizes.tolist())
    assert np.array_equal(learned.means, stored.means)


def test_a_version_4_with_a_summary_is_told(copy: Path) -> None:
    as_version_4(copy)
    edit(copy, lambda content: content.update(format_version=5))
    assert "damaged" in refusal(copy)


def drop_model(content: dict[str, Any]) -> None:
    del content["files"]["model.onnx"]


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "backbone": lambda content: content.update(backbone="tinx"),
    "scheme": lambda content: content.update(scheme="duc-ivf-pq"),
    "scheme unknown": lambda content: content.update(scheme="duc"),
    "payload": lambda content: content["packet"].update(payload="code"),
    "payload unknown": lambda content: content["packet"].update(payload="photo"),
    "feature_dim": lambda content: content.update(feature_dim=8),
    "num_images": lambda content: content.update(num_images=8),
    "num_images as text": lambda content: content.update(num_images="9"),
    "version": lambda content: content.update(codebook_version="0" * 16),
    "T": lambda content: content["packet"].update(head_labels=3),
    "T beyond K": lambda content: content["packet"].update(head_labels=5),
    "codec": lambda content: content["packet"].update(head_codec="zero"),
    "codec unknown": lambda content: content["packet"].update(head_codec="turbo"),
    "a file too many": lambda content: content["files"].update(x={"size_bytes": 1, "sha256": "0"}),
    "a file outside": lambda content: content["files"].update({"../x": {"size_bytes": 1, "sha256": "0"}}),
    "a file too few": drop_model,
    "a name too many": lambda content: content.update(more=1),
    "a name too few": lambda content: content.pop("scheme"),
    "receiver model": lambda content: content["receiver_model"].update(head_agreement=0.6),
    "no receiver model": lambda content: content.pop("receiver_model"),
    "no checksum": lambda content: content.pop("checksum"),
}


@pytest.mark.parametrize("change", EDITS.values(), ids=EDITS.keys())
def test_an_edited_manifest_is_told(change: Callable[[dict[str, Any]], object], copy: Path) -> None:
    edit(copy, change)
    assert re.search("manifest.json is damaged", refusal(copy))


def test_layout_of_the_manifest_is_not_damage(whole: Path, copy: Path) -> None:
    edit(copy, lambda _content: None)
    assert (copy / "manifest.json").read_bytes() != (whole / "manifest.json").read_bytes()
    assert same(read_index(copy), read_index(whole))


@pytest.mark.parametrize("count", [0, 8, 10])
def test_a_catalogue_of_another_length_is_told(count: int, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")
    index = random_index(np.random.default_rng(1), [3, 0, 5, 1], FMT, 3)
    write_index(tmp_path, index, catalogue(count), SPEC, "tiny", feature_dim=6)
    refusal(tmp_path)


class altered:
    """A folder with the files of another, one of them altered."""

    def __init__(self, whole: Path, name: str, content: bytes) -> None:
        self._folder = whole.parent / f"altered {name}"
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(whole, self._folder)
        (self._folder / name).write_bytes(content)

    def __enter__(self) -> Path:
        return self._folder

    def __exit__(self, *_error: object) -> None:
        shutil.rmtree(self._folder)
