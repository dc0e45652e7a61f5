"""What is public is documented, and only that."""

import re

import deep_semantic_coding as dsc
from helpers.doc_examples import ROOT


def test_every_public_name_is_listed_in_the_documentation_and_has_a_docstring() -> None:
    text = (ROOT / "docs/python-api.md").read_text()
    table = text[text.index("## Names") : text.index("## What may change")]
    listed = set(re.findall(r"`([A-Za-z]+)`", table))
    for name in dsc.__all__:
        assert name in listed, name
        assert (getattr(dsc, name).__doc__ or "").strip(), name
    members = {name for name in listed if not hasattr(dsc, name)}
    public = {name for kind in (dsc.Database, dsc.Client) for name in dir(kind) if not name.startswith("_")}
    assert members <= public
