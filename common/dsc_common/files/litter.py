"""Names of files and folders that systems, NAS and archivers leave beside a person's files."""

# In lower case. Thumbnails and bins of Synology, QNAP, Windows, macOS, Linux desktops, and of zip files.
_NAMES = frozenset(
    {
        "@eadir",
        "@tmp",
        "@recycle",
        "@__thumb",
        "@sharebin",
        "trashbox",
        "@recently-snapshot",
        "#recycle",
        "#snapshot",
        ".@__thumb",
        ".@upload_cache",
        ".streams",
        "$recycle.bin",
        "recycler",
        "system volume information",
        "found.000",
        "lost+found",
        "lost.dir",
        "__macosx",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        ".ds_store",
        ".appledouble",
        ".appledb",
        ".fseventsd",
        ".spotlight-v100",
        ".temporaryitems",
        ".documentrevisions-v100",
        ".thumbnails",
        ".picasaoriginals",
    }
)
_BEGINNINGS = ("._", ".trash", ".zfs", ".snapshot")  # AppleDouble, bins with a user's number, snapshots


# In libraries of photo managers: smaller copies of the photos.
_IN_LIBRARIES = {
    ".photoslibrary": frozenset({"resources", "private", "scopes"}),
    ".photolibrary": frozenset({"thumbnails", "previews", "data", "data.noindex"}),
    ".aplibrary": frozenset({"thumbnails", "previews"}),
}


def is_litter(name: str, folder: str = "") -> bool:
    """Whether a file or folder is a by-product: a thumbnail, a bin, a snapshot, metadata.

    Args:
        name: its name.
        folder: the name of the folder that it is in.
    """
    lower, suffix = name.lower(), f".{folder.lower().rpartition('.')[2]}"
    return (
        lower in _NAMES
        or lower.startswith(_BEGINNINGS)
        or ("." in folder and lower in _IN_LIBRARIES.get(suffix, ()))
    )
