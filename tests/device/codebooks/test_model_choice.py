"""Which network a device downloads: the one of its choice among those that the server offers."""

import hashlib
from dataclasses import replace

import pytest

from dsc_common.codebook.manifest import AcceptedModel, Artifact, ArtifactKind, Manifest
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import PacketFormat
from dsc_device.codebooks.model_choice import choose_model

OWN, OTHER = (Artifact(size, hashlib.sha256(b"%d" % size).hexdigest()) for size in (10, 3))
OLD = Manifest("v", "dsc", PacketFormat(), 1280, 9, {ArtifactKind.MODEL: OWN})
NEW = replace(OLD, models=(AcceptedModel("float32", OWN, 0.0), AcceptedModel("int8", OTHER)))


def test_the_network_of_the_index_is_the_default() -> None:
    assert choose_model(NEW, None) == ("float32", OWN)
    assert choose_model(NEW, "float32") == ("float32", OWN)
    assert choose_model(NEW, "int8") == ("int8", OTHER)


def test_a_server_that_names_none_has_only_the_default() -> None:
    assert choose_model(OLD, None) == ("", OWN)
    assert choose_model(replace(OLD, artifacts={}), None) == ("", None)


@pytest.mark.parametrize(
    ("manifest", "offered"),
    [
        (NEW, "float32, int8"),
        (OLD, "the one of its index, without a name"),
        (replace(OLD, artifacts={}), "none"),
    ],
)
def test_another_name_is_refused_with_those_that_are_offered(manifest: Manifest, offered: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        choose_model(manifest, "int4")
    assert str(caught.value) == f"the server does not offer the network 'int4'; it offers {offered}"
