"""Thumbnails inside the report: each photo once, as a CSS class with its JPEG in base64."""

import base64
import io
from pathlib import Path

from dsc_common.errors import InvalidImageError
from dsc_demo.photos import load_photo

_QUALITY = 78


class Thumbnails:
    """Collects photos while a page is written, and then gives the style rules that show them."""

    def __init__(self) -> None:
        self._rules: dict[tuple[Path, int], tuple[str, str]] = {}

    def css_class(self, path: Path, longest_side_px: int) -> str:
        """Return the class whose background is the photo; a photo that cannot be read is blank."""
        key = (path, longest_side_px)
        if key not in self._rules:
            self._rules[key] = f".t{len(self._rules)}", _rule(path, longest_side_px)
        return self._rules[key][0].removeprefix(".")

    def css(self) -> str:
        """Return one style rule for each photo that was asked for."""
        return "\n".join(f"{selector}{{{rule}}}" for selector, rule in self._rules.values())


def _rule(path: Path, longest_side_px: int) -> str:
    try:
        image = load_photo(path, longest_side_px)
    except InvalidImageError:
        return ""
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=_QUALITY, optimize=True)
    data = base64.b64encode(jpeg.getvalue()).decode("ascii")
    ratio = f"aspect-ratio:{image.width}/{image.height};"
    return f'{ratio}background-image:url("data:image/jpeg;base64,{data}")'
