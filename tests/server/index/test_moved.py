"""URIs of photos that have moved begin with their new place."""

import pytest

from dsc_common.cli.settings import read_settings
from dsc_common.errors import InvalidInputError, SettingError
from dsc_server.index.catalogue import CatalogueImage
from dsc_server.index.moved import moved
from dsc_server.settings import ServerSettings

IMAGES = {
    0: CatalogueImage("a/1.jpg", "file:///old%20disk/a/1.jpg", 3),
    2: CatalogueImage("b/2.jpg", "file:///old%20disks/b/2.jpg", 4),
}


@pytest.mark.parametrize(
    ("rule", "uri"),
    [
        ("/old disk=/mnt/x=y", "file:///mnt/x%3Dy/a/1.jpg"),
        ("/old disk/=/", "file:///a/1.jpg"),
        ("/old disk/a=/ü", "file:///%C3%BC/1.jpg"),
        ("/old disk=https://photos.example/all", "https://photos.example/all/a/1.jpg"),
    ],
)
def test_what_is_below_the_old_place_gets_the_new_one(rule: str, uri: str) -> None:
    assert moved(IMAGES, rule) == {0: CatalogueImage("a/1.jpg", uri, 3), 2: IMAGES[2]}


def test_a_place_without_images_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match=r"^no image of the index is in /old$"):
        moved(IMAGES, "/old=/new")


@pytest.mark.parametrize("rule", ["/old", "old=/new", "/old=new", "=/new", "/old="])
def test_other_rules_are_refused(rule: str) -> None:
    with pytest.raises(SettingError, match=r"^--photos-moved: expected OLD=NEW, [^\n]*$"):
        read_settings(ServerSettings, index="x", photos_moved=rule)
    assert read_settings(ServerSettings, index="x", photos_moved="/old=/new").photos_moved == "/old=/new"
