"""An exported network is kept, and used again only for the same weights, options and packages."""

import os
from pathlib import Path

import pytest

from dsc_common.errors import DscError, InvalidInputError
from dsc_common.files import whole_file
from dsc_model import BackboneOptions, export_or_copy, kept_exports
from dsc_model.kept_exports import FOLDER, MAX_KEPT

LITE, RESNET = "efficientnet-lite0", "resnet101"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Exports write some bytes of their own; their names are listed."""
    names: list[str] = []

    def export(name: str, path: Path, options: BackboneOptions) -> None:
        names.append(name)
        path.write_bytes(f"{name} {options} {len(names)}".encode())

    monkeypatch.setattr(kept_exports, "export_backbone", export)
    return names


def provide(folder: Path, name: str = LITE, **options: object) -> tuple[bytes, list[str]]:
    """The file that is written, and the lines."""
    path, lines = folder / "model.onnx", []
    export_or_copy(name, path, BackboneOptions(**options), folder / "store", lines.append)  # type: ignore[arg-type]
    return path.read_bytes(), lines


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "store" / FOLDER).iterdir())


def test_the_second_time_it_is_a_copy(exported: list[str], tmp_path: Path) -> None:
    first, second = provide(tmp_path), provide(tmp_path)
    assert exported == [LITE]
    assert first == (second[0], [f"exporting {LITE} to ONNX"])
    assert second[1] == [f"using {LITE} as it was exported before"]


def test_other_options_weights_and_packages_are_exported(
    exported: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"one")
    contents = [
        provide(tmp_path),
        provide(tmp_path, longest_side=362),
        provide(tmp_path, RESNET),
        provide(tmp_path, RESNET, class_weights=weights),
        provide(tmp_path, RESNET, feature_weights=weights),
    ]
    weights.write_bytes(b"two")
    contents.append(provide(tmp_path, RESNET, feature_weights=weights))
    monkeypatch.setattr(kept_exports, "version", lambda package: f"0 of {package}")
    contents.append(provide(tmp_path))
    assert len(exported) == len({content for content, _ in contents}) == 7


def test_the_default_side_is_one_with_the_same_side(exported: list[str], tmp_path: Path) -> None:
    provide(tmp_path)
    provide(tmp_path, longest_side=512)
    assert len(exported) == 1


@pytest.mark.parametrize("damage", [b"", b"something else"])
def test_a_damaged_file_is_exported_anew(damage: bytes, exported: list[str], tmp_path: Path) -> None:
    provide(tmp_path)
    [file] = kept(tmp_path)
    file.write_bytes(damage)
    content, lines = provide(tmp_path)
    assert lines == [f"{file} is damaged; the network is exported anew", f"exporting {LITE} to ONNX"]
    assert len(exported) == 2
    assert [file.read_bytes() for file in kept(tmp_path)] == [content]


def test_the_files_that_were_used_last_are_kept(exported: list[str], tmp_path: Path) -> None:
    for side in range(100, 100 + MAX_KEPT):
        before = kept(tmp_path) if side > 100 else []
        provide(tmp_path, longest_side=side)
        [new] = set(kept(tmp_path)) - set(before)
        os.utime(new, (side, side))  # seconds since 1970
    provide(tmp_path, longest_side=100)
    provide(tmp_path, longest_side=200)  # takes the place of 101
    assert len(kept(tmp_path)) == MAX_KEPT
    exported.clear()
    provide(tmp_path, longest_side=100)
    assert exported == []
    provide(tmp_path, longest_side=101)
    assert exported == [LITE]


def test_a_folder_that_cannot_be_written_to_is_a_line(exported: list[str], tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file in its place")
    content, lines = provide(tmp_path)
    assert content
    assert lines[1:] == [
        f"the exported network is not kept in {tmp_path / 'store' / FOLDER}: Not a directory"
    ]


def test_without_a_folder_nothing_is_kept(exported: list[str], tmp_path: Path) -> None:
    for _ in range(2):
        export_or_copy(LITE, tmp_path / "model.onnx")
    assert len(exported) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_what_cannot_be_exported_is_refused_all_the_same(exported: list[str], tmp_path: Path) -> None:
    provide(tmp_path)
    with pytest.raises(InvalidInputError, match=r"32 to 4096 pixels, got 1$"):
        provide(tmp_path, longest_side=1)


def test_a_copy_that_cannot_be_written_is_one_line(
    exported: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provide(tmp_path)

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_file, "write_whole", full)
    with pytest.raises(DscError, match=r"^cannot write the model to .*model\.onnx: No space left on device$"):
        provide(tmp_path)
