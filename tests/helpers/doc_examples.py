"""Examples of the documentation: blocks of Python between markers, and what they are said to print."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def block(document: str, kind: str, name: str) -> str:
    """The text of the block `kind: name` of a document."""
    found = re.search(
        rf"<!-- {kind}: {name} -->\n```\w+\n(.*?)```\n<!-- {kind} -->",
        (ROOT / document).read_text(),
        re.DOTALL,
    )
    assert found is not None, f"no {kind} {name} in {document}"
    return found[1]


def printed(document: str, name: str, names: dict[str, Any], **replaced: str) -> str:
    """Run the example; its names are those of `names`, where it also leaves its own."""
    code = block(document, "example", name)
    for old, new in replaced.items():
        assert old in code
        code = code.replace(old, new)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(code, f"{document}: {name}", "exec"), names)  # noqa: S102 (our own documentation)
    return out.getvalue()
