"""Where data sets are published: addresses, sizes that nothing should exceed, checksums where one is known.

The publishers state no SHA-256 of these files. Two MD5 sums are recorded by others who use the data; every
other file is trusted when it is first fetched, recorded, and compared from then on.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

MIB = 1 << 20
GIB = 1 << 30

_OXFORD = "https://www.robots.ox.ac.uk/~vgg/data/oxbuildings"
_PARIS = "https://www.robots.ox.ac.uk/~vgg/data/parisbuildings"
_REVISITED = "http://cmp.felk.cvut.cz/revisitop/data/datasets"
_HOLIDAYS = "http://pascal.inrialpes.fr/data/holidays"
_HOLIDAYS_FTP = "ftp://ftp.inrialpes.fr/pub/lear/douze/data"
_MIRFLICKR = "https://press.liacs.nl/mirflickr/mirflickr1m.v3b"


@dataclass(frozen=True)
class RemoteFile:
    """One published file.

    Attributes:
        name: what it is called here.
        addresses: where it is; a later one is tried when an earlier one does not have it.
        max_bytes: of the file; a larger one is refused.
        folder: below the data set's, where an archive is unpacked or another file is put.
        max_unpacked_bytes: of an archive's content.
        sha256: lower-case hexadecimal, where one is known.
        md5: likewise; a weak check, better than none.
    """

    name: str
    addresses: tuple[str, ...]
    max_bytes: int
    folder: str
    max_unpacked_bytes: int = 0
    sha256: str | None = None
    md5: str | None = None

    @property
    def is_archive(self) -> bool:
        """It is to be unpacked."""
        return self.max_unpacked_bytes > 0


@dataclass(frozen=True)
class Source:
    """The files of a data set, and a remark on what remains to be done by hand."""

    files: tuple[RemoteFile, ...]
    page: str
    remark: str = ""


def _archive(
    name: str, *bases: str, max_bytes: int = 4 * GIB, folder: str = "", md5: str | None = None
) -> RemoteFile:
    addresses = tuple(f"{base}/{name}" for base in bases)
    return RemoteFile(name, addresses, max_bytes, folder or PurePosixPath(name).stem, 2 * max_bytes, md5=md5)


_OXFORD_PHOTOS = _archive("oxbuild_images-v1.tgz", _OXFORD, md5="8f0017cc5d671f35011d6968269fbf47")
_OXFORD_TRUTH = _archive(
    "gt_files_170407.tgz", _OXFORD, max_bytes=64 * MIB, md5="06c4dee0ad954f6ee122c82390548537"
)
_PARIS_PHOTOS = (_archive("paris_1-v1.tgz", _PARIS), _archive("paris_2-v1.tgz", _PARIS))
_PARIS_TRUTH = _archive("paris_120310.tgz", _PARIS, max_bytes=64 * MIB)


def _revisited(name: str) -> RemoteFile:
    file = f"gnd_{name}.pkl"
    return RemoteFile(file, (f"{_REVISITED}/{name}/{file}",), 8 * MIB, "")


SOURCES: dict[str, Source] = {
    "oxford5k": Source((_OXFORD_PHOTOS, _OXFORD_TRUTH), f"{_OXFORD}/"),
    "paris6k": Source((*_PARIS_PHOTOS, _PARIS_TRUTH), f"{_PARIS}/"),
    "roxford5k": Source((_OXFORD_PHOTOS, _revisited("roxford5k")), "http://cmp.felk.cvut.cz/revisitop/"),
    "rparis6k": Source((*_PARIS_PHOTOS, _revisited("rparis6k")), "http://cmp.felk.cvut.cz/revisitop/"),
    "holidays": Source(
        tuple(
            _archive(f"jpg{part}.tar.gz", _HOLIDAYS, _HOLIDAYS_FTP, folder=f"jpg{part}") for part in (1, 2)
        ),
        "https://lear.inrialpes.fr/people/jegou/data.php.html",
    ),
    "ukbench": Source(
        (_archive("ukbench.zip", "https://archive.org/download/ukbench"),),
        "https://archive.org/details/ukbench",
    ),
    "flickr100k": Source(
        tuple(
            RemoteFile(
                f"oxc1_100k.part{part:02d}.rar",
                (f"{_OXFORD}/ox100k/oxc1_100k.part{part:02d}.rar",),
                GIB,
                "archives",
            )
            for part in range(1, 41)
        ),
        f"{_OXFORD}/flickr100k.html",
        "it is published as a RAR archive in 40 parts: unpack archives/oxc1_100k.part01.rar with unrar or 7z",
    ),
    "mirflickr1m": Source(
        tuple(_archive(f"images{part}.zip", _MIRFLICKR, max_bytes=32 * GIB) for part in range(10)),
        "https://press.liacs.nl/mirflickr/mirdownload.html",
    ),
}
