"""Names of files and folders that systems, NAS and archivers leave beside a person's files."""

# In lower case. Thumbnails and bins of Synology, QNAP, Windows, macOS, Linux desktops, and of zip files.
_NAMES = frozenset(
    {
        "@eadir",
        "@tmp",
        "@recycle",
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


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name is a by-product: a thumbnail, a bin, a snapshot, metadata."""
    lower = name.lower()
    return lower in _NAMES or lower.startswith(_BEGINNINGS)
