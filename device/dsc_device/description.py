"""What a device has and what waits, without a link: its services, codebook, cache and queue."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsc_common.errors import DscError
from dsc_common.wire.codebook import manifest_from_bytes
from dsc_device.places import require_folder
from dsc_device.settings import DeviceSettings
from dsc_device.store.reading import StoreContent, read_store

_DROPPED = "dropped_"


def describe(settings: DeviceSettings) -> dict[str, Any]:
    """The description, by names that programs read; None for what is not known.

    Raises:
        SettingError: something else is in the place of a folder.
        DscError: the store is damaged, or cannot be read.
    """
    require_folder(settings.cache, "downloads")
    content = read_store(settings.state_folder, settings.server)
    return {
        "server": settings.server,
        "channel": settings.channel,
        **_index(content.manifest),
        "cache": str(settings.cache),
        "cache_bytes": _bytes_in(settings.cache),
        "state": str(settings.state_folder),
        "queue": _queue(content),
        "answered": content.counts.get("answered", 0),
        "refused": content.counts.get("refused", 0),
        "dropped": {
            name: content.counts.get(f"{_DROPPED}{name}", 0) for name in ("full", "model", "damaged")
        },
        "photos": content.photos,
    }


def description_lines(description: Mapping[str, Any], name: str = "") -> list[str]:
    """One line for each value: its name, and the value."""
    lines = []
    for key, value in description.items():
        words = f"{name} {key}".replace("_", " ").strip()
        if isinstance(value, Mapping):
            lines += description_lines(value, words)
        elif isinstance(value, list):
            lines.append(f"{words:22}  {', '.join(map(str, value)) or '-'}")
        else:
            lines.append(f"{words:22}  {'-' if value is None else value}")
    return lines


def _index(message: bytes | None) -> dict[str, Any]:
    try:
        manifest = None if message is None else manifest_from_bytes(message)
    except DscError:
        manifest = None
    if manifest is None:
        return {"codebook_version": None, "scheme": None, "models": []}
    return {
        "codebook_version": manifest.codebook_version,
        "scheme": manifest.scheme,
        "models": [model.name for model in manifest.models],
    }


def _queue(content: StoreContent) -> dict[str, Any]:
    age_s = None if content.oldest_ns is None else round(max(time.time() - content.oldest_ns / 1e9, 0.0), 1)
    return {
        "queries": content.counts.get("queued", 0),
        "bytes": content.counts.get("queued_bytes", 0),
        "oldest_age_s": age_s,
    }


def _bytes_in(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).lstat().st_size
            except OSError:  # removed meanwhile
                continue
    return total
