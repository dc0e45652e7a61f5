"""Backbones: networks that turn a photo into a feature q and class probabilities p, exported once to ONNX."""

from dsc_model.backbones.registry import (
    BACKBONES,
    LONGEST_SIDES,
    BackboneOptions,
    export_backbone,
    require_exportable,
)
from dsc_model.kept_exports import export_or_copy

__all__ = [
    "BACKBONES",
    "LONGEST_SIDES",
    "BackboneOptions",
    "export_backbone",
    "export_or_copy",
    "require_exportable",
]
