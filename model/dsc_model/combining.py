"""Two networks in one file: the feature of one, the class probabilities of the other (M_f and M_c).

The paper has two: M_f is trained for retrieval, and M_c stays the classifier that it was.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import compose, helper, inliner, version_converter
from onnx.utils import Extractor as Subgraph

from dsc_common.errors import DscError, InvalidInputError, first_line
from dsc_common.features.extractor import Extractor
from dsc_model.checking.check import Checked, check_model
from dsc_model.checking.graph import MAX_BYTES, read_graph
from dsc_model.checking.running import photos_of
from dsc_model.metadata import describe
from dsc_model.model_file import check_target, write_whole

IMAGE, FEATURE, PROBABILITIES = "image", "feature", "probabilities"
_GRAPHS = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
MIXED = "mixed"  # precision of two networks of different precisions
TOLERANCE = 1e-5  # of a result beside that of its network alone: a graph may be optimised otherwise


def combine_files(features: Path, classes: Path, out: Path) -> Checked:
    """Write a network with the feature of one network and the probabilities of another.

    Args:
        features: a network, of which the feature is taken: M_f.
        classes: a network of the same longest side, of which the probabilities are taken: M_c.
        out: ONNX file to write, whole or not at all.

    Raises:
        InvalidInputError: a file is no network, their longest sides differ, or their operators cannot be in
            one file.
        DscError: the file cannot be written.
    """
    check_target(out)
    if out.exists() and any(out.samefile(path) for path in (features, classes) if path.exists()):
        raise InvalidInputError(f"expected another file than the networks to write to, got {out}")
    sources = [(path, _network(path)) for path in (features, classes)]
    (_, (of_features, f_model)), (_, (of_classes, c_model)) = sources
    sides = of_features.info.longest_side, of_classes.info.longest_side
    if sides[0] != sides[1]:
        raise InvalidInputError(
            f"expected two networks of one longest side, got {sides[0]} pixels ({features}) and {sides[1]} "
            f"({classes}); `dsc-model export --longest-side` sets it"
        )
    if f_model.ByteSize() + c_model.ByteSize() > MAX_BYTES:
        raise InvalidInputError(f"expected networks of up to {MAX_BYTES:,} bytes together, got more")
    model = _combined(f_model, c_model, f"{features} and {classes}")
    name = f"{of_features.info.backbone}+{of_classes.info.backbone}"
    describe(model, name, sides[0], list(of_classes.info.labels))
    precisions = {of_features.info.precision, of_classes.info.precision}
    entry = model.metadata_props.add()
    entry.key, entry.value = "dsc.precision", precisions.pop() if len(precisions) == 1 else MIXED
    checked = check_model(model, out)
    if checked.faults:
        raise DscError(f"{features} and {classes} do not work as one network: {checked.faults[0]}")
    _require_same(Extractor(checked.content, str(out), threads=1), of_features, of_classes)
    write_whole(out, checked.content)
    return checked


def _network(path: Path) -> tuple[Extractor, onnx.ModelProto]:
    model = read_graph(path)
    faults = check_model(model, path).faults
    if faults:
        raise InvalidInputError(f"{path} cannot be used as a network: {faults[0]} (see `dsc-model check`)")
    return Extractor.from_file(path, threads=1), model


def _combined(features: onnx.ModelProto, classes: onnx.ModelProto, names: str) -> onnx.ModelProto:
    try:
        parts = _of_one_opset(
            [_only(features, FEATURE, "features/"), _only(classes, PROBABILITIES, "classes/")]
        )
    except Exception as error:  # the converter of ONNX has no common base class for its errors
        raise InvalidInputError(
            f"the operators of {names} cannot be in one file: {first_line(error)}"
        ) from error
    graphs = [part.graph for part in parts]
    graph = helper.make_graph(
        [node for each in graphs for node in each.node],
        "combined",
        [_image(graphs)],
        [output for each in graphs for output in each.output],
        [tensor for each in graphs for tensor in each.initializer],
    )
    imports = {entry.domain: entry.version for part in parts for entry in part.opset_import}
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(*entry) for entry in sorted(imports.items())],
        ir_version=max(part.ir_version for part in parts),
        producer_name=parts[0].producer_name,
    )
    return model


def _only(model: onnx.ModelProto, output: str, prefix: str) -> onnx.ModelProto:
    """What `output` depends on; all names but those of input and output begin with `prefix`."""
    if model.functions:
        model = inliner.inline_local_functions(model)
    if any(attribute.type in _GRAPHS for node in model.graph.node for attribute in node.attribute):
        raise ValueError("one has graphs in it (If, Loop, Scan)")  # which use names of the graph around them
    del model.graph.quantization_annotation[:]  # hints, which the class below does not know
    part = Subgraph(model).extract_model([IMAGE], [output])
    del part.graph.value_info[:]
    used = {node.domain for node in part.graph.node} | {"", "ai.onnx"}  # two names of ONNX's operators
    del part.opset_import[:]
    part.opset_import.extend(each for each in model.opset_import if each.domain in used)
    compose.add_prefix_graph(part.graph, prefix, rename_inputs=False, rename_outputs=False, inplace=True)
    part.producer_name = model.producer_name
    return part


def _of_one_opset(parts: list[onnx.ModelProto]) -> list[onnx.ModelProto]:
    """Both with the newer of their versions of ONNX's operators; other domains must agree."""
    imports = [{entry.domain: entry.version for entry in part.opset_import} for part in parts]
    for domain in imports[0].keys() & imports[1].keys() - {"", "ai.onnx"}:
        if imports[0][domain] != imports[1][domain]:
            raise ValueError(f"versions {imports[0][domain]} and {imports[1][domain]} of {domain}")
    versions = [each.get("", each.get("ai.onnx", 0)) for each in imports]
    newest = max(versions)
    return [
        part if version == newest else version_converter.convert_version(part, newest)
        for part, version in zip(parts, versions, strict=True)
    ]


def _image(graphs: list[onnx.GraphProto]) -> onnx.ValueInfoProto:
    """The input of both; for one photo, if one of them is."""
    images = [next(each for each in graph.input if each.name == IMAGE) for graph in graphs]
    dims = [each.type.tensor_type.shape.dim[0] for each in images]
    return images[0] if dims[0].HasField("dim_value") else images[1]


def _require_same(combined: Extractor, of_features: Extractor, of_classes: Extractor) -> None:
    """Each half must compute what its network does: no rule about graphs shows as much."""
    for name, pixels in photos_of(combined.info.longest_side):
        found = combined.run(pixels)
        feature, probabilities = of_features.run(pixels).feature, of_classes.run(pixels).probabilities
        if not (
            np.allclose(found.feature, feature, rtol=0, atol=TOLERANCE)
            and np.allclose(found.probabilities, probabilities, rtol=0, atol=TOLERANCE)
        ):
            raise DscError(f"the two networks compute something else as one ({name})")
