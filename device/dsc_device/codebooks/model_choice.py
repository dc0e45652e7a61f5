"""Which network a device uses: one of those that the codebook accepts, and no other."""

from dsc_common.codebook.manifest import Artifact, ArtifactKind, Manifest
from dsc_common.errors import InvalidInputError


def choose_model(manifest: Manifest, name: str | None) -> tuple[str, Artifact | None]:
    """The name and the file of the network that is asked for; by default, of the network of the index.

    Servers of version 0.2.0 name no network: the name is empty then. An index of features has none: no file.

    Raises:
        InvalidInputError: the server offers no network of that name; the message names the others.
    """
    own = manifest.artifacts.get(ArtifactKind.MODEL)
    files = {model.name: model.file for model in manifest.models}
    if name is None:
        return next(iter(files.items()), ("", own))
    if name not in files:
        offered = ", ".join(files) or ("the one of its index, without a name" if own else "none")
        raise InvalidInputError(f"the server does not offer the network {name!r}; it offers {offered}")
    return name, files[name]
