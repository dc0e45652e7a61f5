"""Further networks of an index: what its readers see before, during and after; what is refused."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from dsc_common.codebook.manifest import AcceptedModel, Artifact, ArtifactKind
from dsc_common.codebook.precision import Precision
from dsc_common.errors import DamagedIndexError, DscError, InvalidInputError
from dsc_common.features.extractor import Extractor
from dsc_model.quantization.quantizing import quantize_model
from dsc_server.building import accepting
from dsc_server.building.accepting import accept_model
from dsc_server.building.build import build
from dsc_server.building.measured_loss import MeasuredLoss, read_loss
from dsc_server.building.options import BuildOptions
from dsc_server.index import manifest as manifest_module
from dsc_server.index.files import read_index
from dsc_server.index.manifest import is_index, read_manifest
from dsc_server.serving.downloads import Downloads
from helpers import in_process
from helpers.small_index import write_small_index
from helpers.tiny_convnet import write_tiny_convnet


@pytest.fixture(scope="module")
def built(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with float.onnx, int8.onnx and an index of float.onnx; no test changes it."""
    folder = tmp_path_factory.mktemp("built")
    network = write_tiny_convnet(folder / "float.onnx")
    quantize_model(network, folder / "int8.onnx", photos, count=4)
    options = BuildOptions(
        scheme="dsc-pq", model=network, head_labels=2, num_subvectors=2, precision=Precision.FLOAT16
    )
    build([photos], folder / "index", options, say=lambda _line: None)
    return folder


@pytest.fixture
def index(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built / "index", tmp_path / "index"))


def artifact_of(path: Path) -> Artifact:
    return Artifact(path.stat().st_size, Extractor.from_file(path).info.sha256)


def changed_metadata(model: Path, out: Path, **changed: str) -> Path:
    proto = onnx.load(model)
    entries = {entry.key: entry.value for entry in proto.metadata_props}
    entries |= {f"dsc.{key}": value for key, value in changed.items()}
    del proto.metadata_props[:]
    helper.set_model_props(proto, entries)
    out.write_bytes(proto.SerializeToString())
    return out


def test_an_index_of_one_network_offers_it_and_stays_in_version_5(built: Path) -> None:
    manifest = read_manifest(built / "index")
    assert manifest.format_version == 5
    assert b"models" not in (built / "index" / "manifest.json").read_bytes()
    assert manifest.offer().models == (AcceptedModel("float32", artifact_of(built / "float.onnx"), 0.0),)


def test_a_further_network_is_offered_and_nothing_else_changes(built: Path, index: Path) -> None:
    before = read_index(index)
    files = {path.name: path.read_bytes() for path in index.iterdir() if path.name != "manifest.json"}
    accept_model(index, built / "int8.onnx")
    after = read_index(index)
    assert after.manifest.format_version == 6
    assert after.manifest.codebook_version == before.manifest.codebook_version
    assert after.catalogue == before.catalogue
    offer = after.manifest.offer()
    assert offer.models == (
        AcceptedModel("float32", artifact_of(built / "float.onnx"), 0.0),
        AcceptedModel("int8", artifact_of(built / "int8.onnx"), None),
    )
    assert offer.artifacts == before.manifest.offer().artifacts
    int8 = (built / "int8.onnx").read_bytes()
    name = f"model.{artifact_of(built / 'int8.onnx').sha256[:16]}.onnx"
    assert {path.name: path.read_bytes() for path in index.iterdir() if path.name != "manifest.json"} == {
        **files,
        name: int8,
    }
    downloads = Downloads(after)
    assert downloads.of_hash(offer.models[1].file.sha256)[:] == int8
    assert downloads.of_hash(offer.models[0].file.sha256)[:] == (built / "float.onnx").read_bytes()
    codebook = offer.artifacts[ArtifactKind.CODEBOOK]
    assert downloads.of_hash(codebook.sha256)[:] == files["codebook.safetensors"]
    assert is_index(index)


def test_a_program_of_version_5_refuses_it_with_one_line(
    built: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept_model(index, built / "int8.onnx")
    monkeypatch.delitem(manifest_module.FILES_OF, 6)
    with pytest.raises(DamagedIndexError, match=r"^expected an index of format version 5 or 4, got 6 "):
        read_index(index)


def test_a_network_of_the_same_name_is_replaced_and_its_file_goes_later(
    built: Path, index: Path, tmp_path: Path
) -> None:
    accept_model(index, built / "int8.onnx")
    old = read_manifest(index)
    other = changed_metadata(built / "int8.onnx", tmp_path / "other.onnx", note="calibrated again")
    lines: list[str] = []
    accept_model(index, other, say=lines.append)
    assert lines == ["replacing the network int8"]
    assert [model.name for model in read_manifest(index).accepted] == ["float32", "int8"]
    assert read_index(index).manifest.offer().models[1].file == artifact_of(other)
    assert (index / old.accepted[1].file).exists()  # for a reader of the old manifest
    (index / ".manifest.json.partial-0123abcd").write_text("of a killed process")
    assert is_index(index)
    accept_model(index, other, "again")
    assert sorted(path.name for path in index.iterdir() if "onnx" in path.name) == sorted(
        ["model.onnx", f"model.{artifact_of(other).sha256[:16]}.onnx"]
    )
    assert not (index / ".manifest.json.partial-0123abcd").exists()
    assert [model.name for model in read_index(index).manifest.accepted] == ["float32", "again"]


def test_an_interrupted_change_leaves_the_index_as_it_was(
    built: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (index / "manifest.json").read_bytes()
    write = accepting.write_whole

    def killed(path: Path, content: bytes) -> None:
        if path.name == "manifest.json":
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(accepting, "write_whole", killed)
    with pytest.raises(KeyboardInterrupt):
        accept_model(index, built / "int8.onnx")
    assert (index / "manifest.json").read_bytes() == before
    assert len(read_index(index).manifest.accepted) == 1
    assert is_index(index)


def test_a_damaged_network_is_noticed(built: Path, index: Path) -> None:
    name = accept_model(index, built / "int8.onnx").accepted[1].file
    (index / name).write_bytes((index / name).read_bytes()[:-1] + b"?")
    with pytest.raises(DamagedIndexError, match=rf"{re.escape(name)} is damaged"):
        read_index(index)


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "no networks": lambda content: content.pop("models"),
    "the other first": lambda content: content["models"].reverse(),
    "named twice": lambda content: content["models"][1].update(name="float32"),
    "no name": lambda content: content["models"][1].update(name=""),
    "a file twice": lambda content: content["models"][1].update(file="model.onnx"),
    "a file of the index": lambda content: content["models"][1].update(file="lists.safetensors"),
    "a file outside": lambda content: content["models"][1].update(file="../model.0123456789abcdef.onnx"),
    "version 5": lambda content: content.update(format_version=5),
    "a network without its file": lambda content: content["models"].pop(),
}


@pytest.mark.parametrize("change", EDITS.values(), ids=EDITS.keys())
def test_a_manifest_whose_networks_do_not_fit_is_refused(
    change: Callable[[dict[str, Any]], object], built: Path, index: Path
) -> None:
    accept_model(index, built / "int8.onnx")
    content = json.loads((index / "manifest.json").read_text())
    change(content)
    content["checksum"] = manifest_module._checksum(content)
    (index / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(DamagedIndexError, match=r"manifest\.json is damaged"):
        read_manifest(index)


def refusal(index: Path, *arguments: Any) -> str:
    before = {path.name: path.read_bytes() for path in index.iterdir()}
    with pytest.raises(DscError) as caught:
        accept_model(index, *arguments)
    assert {path.name: path.read_bytes() for path in index.iterdir()} == before
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_network_that_does_not_fit_is_refused(built: Path, index: Path, tmp_path: Path) -> None:
    int8 = built / "int8.onnx"
    more = write_tiny_convnet(tmp_path / "more.onnx", num_labels=33)
    assert refusal(index, more, "x") == f"expected a network with K = 32, got 33: {more}"
    renamed = json.dumps([f"something {n}" for n in range(32)])
    others = changed_metadata(int8, tmp_path / "others.onnx", labels=renamed)
    assert (
        refusal(index, others) == f"expected a network with the labels of the index's, got others: {others}"
    )
    foreign = changed_metadata(int8, tmp_path / "foreign.onnx", backbone="resnet101")
    line = f"expected a network with backbone = convnet, got resnet101: {foreign}"
    assert refusal(index, foreign) == line
    assert refusal(index, built / "float.onnx", "x") == (
        f"{built / 'float.onnx'} is the network of the index itself"
    )
    assert refusal(index, int8, "float32").startswith("the network of the index itself is named float32: ")
    assert refusal(index, int8, "Int 8").startswith("expected a name of up to 32 lower-case letters, ")
    assert refusal(index, tmp_path / "none").startswith(f"cannot read {tmp_path / 'none'}: ")
    (tmp_path / "text").write_text("no network")
    assert refusal(index, tmp_path / "text").startswith(f"{tmp_path / 'text'} is damaged: ")


def test_an_index_without_a_network_accepts_none(built: Path, tmp_path: Path) -> None:
    write_small_index(tmp_path)
    line = refusal(tmp_path / "index", built / "int8.onnx")
    assert line == "this index has no network: its features were extracted elsewhere"


def test_an_index_of_an_int8_network_names_it(built: Path, photos: Path, tmp_path: Path) -> None:
    options = BuildOptions(scheme="dsc-pq", model=built / "int8.onnx", head_labels=2, num_subvectors=2)
    build([photos], tmp_path / "index", options, say=lambda _line: None)
    manifest = read_index(tmp_path / "index").manifest
    assert [model.name for model in manifest.offer().models] == ["int8"]
    assert manifest.offer().models[0].map_loss == 0.0
    accept_model(tmp_path / "index", built / "float.onnx")
    assert [model.name for model in read_index(tmp_path / "index").manifest.accepted] == ["int8", "float32"]


def measured(index: Path, model: Path, map_loss: float = 0.0123) -> dict[str, Any]:
    version = read_manifest(index).codebook_version
    return {
        "codebook_version": version,
        "model_sha256": artifact_of(model).sha256,
        "map_loss": map_loss,
        "queries": 3,
    }


def test_a_measured_loss_is_offered_with_the_network(built: Path, index: Path, tmp_path: Path) -> None:
    (tmp_path / "loss.json").write_text(json.dumps(measured(index, built / "int8.onnx")))
    arguments = ("--index", index, built / "int8.onnx", "--measured", tmp_path / "loss.json")
    done = in_process.run("dsc_server", "accept", *arguments)
    assert done.returncode == 0, done.stderr
    size = (built / "int8.onnx").stat().st_size
    assert done.stderr.splitlines()[-1] == f"int8: {size / 1e6:.1f} MB, loss of mAP 0.0123"
    assert read_index(index).manifest.offer().models[1].map_loss == 0.0123
    shown = in_process.run("dsc_server", "info", "--index", index, "--json")
    assert json.loads(shown.stdout)["models"] == "float32, int8"


def test_a_loss_of_something_else_is_refused(built: Path, index: Path, tmp_path: Path) -> None:
    good = measured(index, built / "int8.onnx")
    another = MeasuredLoss.model_validate({**good, "model_sha256": "00"})
    assert "measured with another network" in refusal(index, built / "int8.onnx", None, another)
    older = MeasuredLoss.model_validate({**good, "codebook_version": "0123"})
    assert "measured with codebook version 0123" in refusal(index, built / "int8.onnx", None, older)
    for content in ("", "[]", "{}", json.dumps({**good, "map_loss": 2}), '{"map_loss": NaN}'):
        (tmp_path / "loss.json").write_text(content)
        with pytest.raises(InvalidInputError, match=r"loss\.json holds no measured loss: [^\n]*$"):
            read_loss(tmp_path / "loss.json")
    with pytest.raises(InvalidInputError, match=r"^cannot read "):
        read_loss(tmp_path / "none.json")


def test_two_processes_do_not_change_an_index_at_once(
    built: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*_arguments: object) -> None:
        with pytest.raises(InvalidInputError, match="another process is writing this directory"):
            accept_model(index, built / "int8.onnx")

    monkeypatch.setattr(accepting, "_remove_unnamed", meanwhile)
    accept_model(index, built / "int8.onnx")
    assert np.array_equal(read_index(index).index.codes, read_index(built / "index").index.codes)
