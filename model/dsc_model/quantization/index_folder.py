"""What quantizing needs of an index directory: its network, and the photos that its catalogue names.

The server reads indexes, and lies above this package; here a few names of its format are enough
(docs/wire-formats.md).
"""

import hashlib
import json
import os
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from dsc_common.errors import DamagedIndexError, InvalidInputError

_MANIFEST, _MODEL, _CATALOGUE = "manifest.json", "model.onnx", "catalogue.jsonl"


def model_of_index(folder: Path) -> Path:
    """The network of an index.

    Raises:
        DamagedIndexError: the folder is no index, or its network is not the one in its manifest.
        InvalidInputError: the index has none.
    """
    if not (folder / _MANIFEST).is_file():
        raise DamagedIndexError(f"not an index directory (it has no {_MANIFEST}): {folder}")
    if not (folder / _MODEL).exists():
        raise InvalidInputError(f"this index has no network: its features were extracted elsewhere: {folder}")
    _require_hash(folder, _MODEL)
    return folder / _MODEL


def photos_of_index(folder: Path) -> list[Path]:
    """The photos of an index that are where its catalogue says, in its order.

    Raises:
        DamagedIndexError: the catalogue is not the one in the manifest.
        InvalidInputError: no photo is there any more.
    """
    _require_hash(folder, _CATALOGUE)
    uris = [json.loads(line)["uri"] for line in (folder / _CATALOGUE).read_bytes().splitlines()]
    files = [path for path in map(_path_of, uris) if path is not None]
    photos = [path for path in files if path.is_file()]
    if not photos:
        raise InvalidInputError(
            f"none of the {len(uris)} photos of the index {folder} is where it was: --photos names others"
        )
    return photos


def _path_of(uri: str) -> Path | None:
    parts = urlsplit(uri)
    path = os.fsdecode(unquote_to_bytes(parts.path))
    return Path(path) if parts.scheme == "file" and not parts.netloc and "\0" not in path else None


def _require_hash(folder: Path, name: str) -> None:
    try:
        expected = json.loads((folder / _MANIFEST).read_bytes())["files"][name]["sha256"]
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DamagedIndexError(f"cannot read {folder / name}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedIndexError(f"{folder / _MANIFEST} is damaged or not ours: {error}") from error
    if found != expected:
        raise DamagedIndexError(f"{folder / name} is damaged: its SHA-256 is not the one in {_MANIFEST}")
