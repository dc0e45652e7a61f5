"""The work of `dsc-model check`: what an ONNX file lacks to be used as a network, or what it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from dsc_common.errors import DscError, InvalidInputError
from dsc_common.features.extractor import Extractor, ModelInfo
from dsc_common.files.bounded import read_bounded
from dsc_model.checking.described import longest_side_of, metadata_faults
from dsc_model.checking.graph import interface_of, packet_bytes, read_graph, text_of
from dsc_model.checking.running import running_faults
from dsc_model.metadata import describe
from dsc_model.model_file import check_target, write_whole

DEFAULT_SIDE = 512  # of photos, where the metadata do not say
MAX_LABELS_BYTES = 1 << 26


@dataclass(frozen=True)
class Checked:
    """Either what is missing, a line each, or what the network is.

    Attributes:
        faults: what is missing.
        info: metadata of a network without faults.
        content: of its file.
    """

    faults: tuple[str, ...]
    info: ModelInfo | None = None
    content: bytes = b""

    @property
    def summary(self) -> str:
        """What the network is, in one line; only without faults."""
        info = self.info
        if info is None:
            raise ValueError("expected a network without faults")
        return (
            f"{info.backbone}: F = {info.feature_dim}, K = {len(info.labels)}, longest side "
            f"{info.longest_side} pixels, {info.precision}, {len(self.content) / 1e6:.1f} MB; "
            f"packets of {packet_bytes(len(info.labels))} bytes"
        )


@dataclass(frozen=True)
class Description:
    """Metadata for a file that has none: name, longest side in pixels, and names of the labels."""

    backbone: str
    longest_side: int
    labels: Sequence[str]


def check_file(path: Path) -> Checked:
    """Everything that an ONNX file lacks, or what it is.

    Raises:
        InvalidInputError: the file cannot be read, is no ONNX file, or is not complete in itself.
    """
    return check_model(read_graph(path), path)


def describe_file(path: Path, out: Path, description: Description) -> Checked:
    """Write a copy of an ONNX file with metadata, if nothing else is missing; whole or not at all.

    Raises:
        InvalidInputError: no file can be made at `out`, or the source cannot be read, as with `check_file`.
        DscError: it cannot be written.
    """
    check_target(out)
    model = read_graph(path)
    interface = interface_of(model)
    if interface.faults or interface.num_labels is None:
        return Checked(interface.faults)
    if len(description.labels) != interface.num_labels:
        return Checked((f"expected {interface.num_labels} labels, got {len(description.labels)}",))
    given = _properties(model)
    describe(model, description.backbone, description.longest_side, list(description.labels))
    onnx.helper.set_model_props(model, given | _properties(model))
    checked = check_model(model, path)
    if not checked.faults:
        write_whole(out, checked.content)
    return checked


def read_labels(path: Path) -> list[str]:
    """Names of labels, one on each line of a text file.

    Raises:
        InvalidInputError: it cannot be read, or is too large.
    """
    content = read_bounded(path, MAX_LABELS_BYTES)
    try:
        return content.decode().splitlines()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path}: expected text in UTF-8, got something else") from error


def check_model(model: onnx.ModelProto, path: Path) -> Checked:
    """Everything that a model lacks, or what it is; `path` is for error lines."""
    properties, interface = _properties(model), interface_of(model)
    faults = [*interface.faults, *metadata_faults(properties, interface)]
    if not interface.faults and interface.num_labels is not None:
        faults += running_faults(model, interface.num_labels, longest_side_of(properties, DEFAULT_SIDE))
    if faults:
        return Checked(tuple(faults))
    content = model.SerializeToString(deterministic=True)
    try:
        return Checked((), Extractor(content, str(path), threads=1).info, content)
    except DscError as error:
        return Checked((str(error),))


def _properties(model: onnx.ModelProto) -> dict[str, str]:
    return {text_of(entry.key): text_of(entry.value) for entry in model.metadata_props}
