"""Fetching over a real HTTP server on this machine: cut connections, ranges, checksums, archives."""

import contextlib
import ftplib
import hashlib
import io
import json
import socket
import stat
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from dsc_common.errors import InvalidInputError, UnreachableError
from dsc_eval.datasets.registry import DATASETS
from dsc_eval.download.download import download
from dsc_eval.download.fetching import ATTEMPTS, SCHEMES, Fetcher
from dsc_eval.download.sources import SOURCES, RemoteFile, Source
from dsc_eval.download.unpacking import unpack

DATA = np.random.default_rng(0).integers(0, 256, 3_000_000, dtype=np.uint8).tobytes()
LIMIT = 1 << 24


@dataclass
class Site:
    """What a server holds and how it behaves; `asked` is the Range of each request, None without one."""

    files: dict[str, bytes] = field(default_factory=dict)
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    says_length: bool = True
    cut_after: list[int] = field(default_factory=list)  # bytes, of one answer after the other
    statuses: list[int] = field(default_factory=list)
    retry_after: str | None = None
    shifted: int = 0
    asked: list[str | None] = field(default_factory=list)
    address: str = ""


class Handler(BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        site = self.site
        wanted = self.headers.get("Range")
        site.asked.append(wanted)
        data = site.files.get(self.path.strip("/"))
        if site.statuses or data is None:
            self.send_response(site.statuses.pop(0) if site.statuses else 404)
            if site.retry_after is not None:
                self.send_header("Retry-After", site.retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and site.ranges else 0
        if start and self.headers["If-Range"] not in (site.etag, site.modified):
            start = 0
        if start >= len(data) > 0:
            self.send_response(416)
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start + site.shifted}-{len(data) - 1}/{len(data)}")
        if site.says_length:
            self.send_header("Content-Length", str(len(data) - start))
        if site.etag:
            self.send_header("ETag", site.etag)
        if site.modified:
            self.send_header("Last-Modified", site.modified)
        self.end_headers()
        part = data[start:]
        cut = site.cut_after.pop(0) if site.cut_after else len(part)
        with contextlib.suppress(ConnectionError):
            self.wfile.write(part[:cut])


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site(files={"a.bin": DATA})
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"site": site}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Told:
    lines: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def fetcher(self) -> Fetcher:
        return Fetcher(self.lines.append, sleep=self.pauses.append)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "ftp_proxy", "FTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return Told()


def fetch(site: Site, told: Told, target: Path, max_bytes: int = LIMIT) -> None:
    told.fetcher().fetch([f"{site.address}/a.bin"], target, max_bytes)


def only_file(target: Path) -> bool:
    return [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_file_comes_whole(site: Site, told: Told, tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.bin"
    fetch(site, told, target)
    assert target.read_bytes() == DATA
    assert only_file(target)
    assert (site.asked, told.lines, told.pauses) == ([None], [], [])


def test_a_cut_connection_is_resumed_where_it_was_cut(site: Site, told: Told, tmp_path: Path) -> None:
    site.cut_after = [2_500_000, 100_000]
    fetch(site, told, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert only_file(tmp_path / "a.bin")
    assert site.asked == [None, "bytes=2500000-", "bytes=2600000-"]
    assert told.pauses == [1, 1]  # each brought something
    assert "the connection ended after 2500000 of 3000000 bytes; trying again in 1 s" in told.lines[0]


def test_by_the_date_where_there_is_no_strong_etag(site: Site, told: Told, tmp_path: Path) -> None:
    site.etag, site.modified = 'W/"weak"', "Sat, 01 Jan 2000 00:00:00 GMT"
    site.cut_after = [1_000_000]
    fetch(site, told, tmp_path / "a.bin")
    assert site.asked == [None, "bytes=1000000-"]
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_the_next_run_goes_on_where_this_one_ended(site: Site, told: Told, tmp_path: Path) -> None:
    site.cut_after = [1_200_000] + [0] * ATTEMPTS
    with pytest.raises(UnreachableError, match=r"^cannot fetch [^\n]*a\.bin: the connection ended after"):
        fetch(site, told, tmp_path / "a.bin")
    assert not (tmp_path / "a.bin").exists()
    assert told.pauses == [1, 2, 4, 8]
    site.cut_after, site.asked = [], []
    fetch(site, told, tmp_path / "a.bin")
    assert site.asked == ["bytes=1200000-"]
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert only_file(tmp_path / "a.bin")


def test_another_version_of_the_file_is_never_joined(site: Site, told: Told, tmp_path: Path) -> None:
    site.cut_after = [1_200_000] + [0] * ATTEMPTS
    with pytest.raises(UnreachableError):
        fetch(site, told, tmp_path / "a.bin")
    site.cut_after, site.etag, site.files = [], '"two"', {"a.bin": DATA[::-1]}
    fetch(site, told, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA[::-1]


def test_a_server_that_ignores_if_range_is_seen_through(site: Site, told: Told, tmp_path: Path) -> None:
    site.cut_after, site.shifted = [1_200_000], 7  # the part that comes is not the one asked for
    fetch(site, told, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert site.asked == [None, "bytes=1200000-", None]
    assert "the file has changed on the server" in told.lines[1]


@pytest.mark.parametrize("etag", ['"one"', None])
def test_a_server_without_ranges_sends_all_again(
    etag: str | None, site: Site, told: Told, tmp_path: Path
) -> None:
    site.ranges, site.etag, site.cut_after = False, etag, [1_200_000]
    fetch(site, told, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert site.asked == [None, "bytes=1200000-" if etag else None]


def test_a_part_longer_than_the_file_is_dropped(site: Site, told: Told, tmp_path: Path) -> None:
    site.cut_after = [2_000_000] + [0] * ATTEMPTS
    with pytest.raises(UnreachableError):
        fetch(site, told, tmp_path / "a.bin")
    site.cut_after, site.files = [], {"a.bin": DATA[:5000]}
    fetch(site, told, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA[:5000]


def test_all_that_is_missing_is_the_name(site: Site, told: Told, tmp_path: Path) -> None:
    site.cut_after = [2_000_000] + [0] * ATTEMPTS
    with pytest.raises(UnreachableError):
        fetch(site, told, tmp_path / "a.bin")
    (tmp_path / "a.bin.partial").write_bytes(DATA)
    site.asked = []
    fetch(site, told, tmp_path / "a.bin")
    assert (site.asked, (tmp_path / "a.bin").read_bytes()) == ([], DATA)


def test_a_busy_server_is_asked_again_when_it_says(site: Site, told: Told, tmp_path: Path) -> None:
    site.statuses, site.retry_after = [503, 429, 500], "7"
    fetch(site, told, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert told.pauses == [7, 7, 7]
    site.statuses, site.retry_after = [503] * ATTEMPTS, None
    told.pauses.clear()
    with pytest.raises(UnreachableError, match=r"^cannot fetch [^\n]*b\.bin: HTTP 503 Service Unavailable$"):
        told.fetcher().fetch([f"{site.address}/b.bin"], tmp_path / "b.bin", LIMIT)
    assert told.pauses == [1, 2, 4, 8]


def test_not_found_is_told_at_once(site: Site, told: Told, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"^cannot fetch http://[^\n]*none: HTTP 404 Not Found$"):
        told.fetcher().fetch([f"{site.address}/none"], tmp_path / "x", LIMIT)
    assert (told.pauses, list(tmp_path.iterdir())) == ([], [])


def test_the_next_address_is_tried(site: Site, told: Told, tmp_path: Path) -> None:
    good = f"{site.address}/a.bin"
    assert told.fetcher().fetch([f"{site.address}/none", good], tmp_path / "x", LIMIT) == good
    assert (tmp_path / "x").read_bytes() == DATA
    assert told.lines == [f"cannot fetch {site.address}/none: HTTP 404 Not Found; trying {good}"]


def test_nobody_there_is_told(told: Told, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UnreachableError, match=r"^cannot fetch [^\n]*refused$"):
        told.fetcher().fetch([f"http://127.0.0.1:{port}/x"], tmp_path / "x", LIMIT)
    assert len(told.pauses) == ATTEMPTS - 1


@pytest.mark.parametrize("says_length", [True, False])
def test_a_file_larger_than_expected_is_refused(
    says_length: bool, site: Site, told: Told, tmp_path: Path
) -> None:
    site.says_length = says_length
    with pytest.raises(InvalidInputError, match=r"^expected at most 2000000 bytes, got [^\n]*a\.bin$"):
        fetch(site, told, tmp_path / "a.bin", 2_000_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["file:///etc/hostname", "data:,x", "a.bin"])
def test_no_other_kind_of_address(address: str, told: Told, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected an address of http, https, ftp, got "):
        told.fetcher().fetch([address], tmp_path / "x", LIMIT)


class FtpServer(threading.Thread):
    """As much of FTP (RFC 959) as a client needs for one file."""

    def __init__(self, data: bytes) -> None:
        super().__init__(daemon=True)
        self.data, self.control = data, socket.create_server(("127.0.0.1", 0))

    def run(self) -> None:
        connection, _ = self.control.accept()
        with connection, connection.makefile("rw", newline="") as lines:
            passive = socket.create_server(("127.0.0.1", 0))
            high, low = divmod(passive.getsockname()[1], 256)
            answers = {
                "USER": "331 ?",
                "PASS": "230 in",
                "TYPE": "200 ok",
                "CWD": "250 ok",
                "QUIT": "221 bye",
            }
            answers |= {"PASV": f"227 on (127,0,0,1,{high},{low})"}
            lines.write("220 here\r\n")
            lines.flush()
            for line in lines:
                command = line.split()[0].upper()
                if command == "RETR":
                    lines.write(f"150 coming ({len(self.data)} bytes)\r\n")
                    lines.flush()
                    transfer, _ = passive.accept()
                    with transfer:
                        transfer.sendall(self.data)
                    lines.write("226 done\r\n")
                else:
                    lines.write(answers.get(command, "500 no") + "\r\n")
                lines.flush()
            passive.close()


def test_by_ftp(told: Told, tmp_path: Path) -> None:
    server = FtpServer(DATA)
    server.start()
    address = f"ftp://127.0.0.1:{server.control.getsockname()[1]}/pub/a.bin"
    told.fetcher().fetch([address], tmp_path / "a.bin", LIMIT)
    assert (tmp_path / "a.bin").read_bytes() == DATA
    server.control.close()
    assert "ftp" in SCHEMES
    assert ftplib.FTP_PORT == 21


def tar(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


PHOTOS = tar({"jpg/a.jpg": b"A", "jpg/b.jpg": b"B"})


@dataclass
class Shelf:
    """One data set of an archive and a plain file, at a site of this machine."""

    site: Site
    told: Told
    folder: Path
    sums: dict[str, str] = field(default_factory=dict)

    def get(self, accept_changed: bool = False) -> Path:
        self.told.lines.clear()
        files = (
            RemoteFile("p.tgz", (f"{self.site.address}/p.tgz",), LIMIT, "photos", LIMIT, **self.sums),
            RemoteFile("g.pkl", (f"{self.site.address}/g.pkl",), LIMIT, ""),
        )
        sources = {"set": Source(files, "page", "one thing more")}
        return download(
            "set",
            self.folder,
            self.told.lines.append,
            accept_changed=accept_changed,
            sources=sources,
            fetcher=self.told.fetcher(),
        )


@pytest.fixture
def shelf(site: Site, told: Told, tmp_path: Path) -> Shelf:
    site.files = {"p.tgz": PHOTOS, "g.pkl": b"truth"}
    return Shelf(site, told, tmp_path)


def test_a_data_set_is_fetched_unpacked_and_recorded(shelf: Shelf) -> None:
    root = shelf.get()
    assert root == shelf.folder / "set"
    assert (root / "photos" / "jpg" / "a.jpg").read_bytes() == b"A"
    assert (root / "g.pkl").read_bytes() == b"truth"
    record = json.loads((root / "checksums.json").read_text())
    assert record["p.tgz"] == {
        "address": f"{shelf.site.address}/p.tgz",
        "bytes": len(PHOTOS),
        "sha256": sha256(PHOTOS),
        "unpacked": True,
    }
    assert record["g.pkl"]["sha256"] == sha256(b"truth")
    assert shelf.told.lines == [
        f"p.tgz: no checksum is published; SHA-256 {sha256(PHOTOS)} is recorded, and compared from now on",
        f"p.tgz: 2 files in {root / 'photos'}",
        f"g.pkl: no checksum is published; SHA-256 {sha256(b'truth')} is recorded, and compared from now on",
        "set: one thing more",
    ]


def test_a_second_run_verifies_and_fetches_nothing(shelf: Shelf) -> None:
    shelf.get()
    shelf.site.asked.clear()
    root = shelf.get()
    assert shelf.site.asked == []
    assert shelf.told.lines == [
        "p.tgz: the SHA-256 is the one recorded before",
        "g.pkl: the SHA-256 is the one recorded before",
        "set: one thing more",
    ]
    (root / "archives" / "p.tgz").unlink()  # to save room
    shelf.get()
    assert shelf.site.asked == []
    assert shelf.told.lines[0] == "p.tgz: unpacked already, and its archive was removed"


def test_a_file_that_changed_at_its_publisher_is_not_taken_unasked(shelf: Shelf) -> None:
    root = shelf.get()
    (root / "g.pkl").unlink()
    shelf.site.files["g.pkl"] = b"other"
    line = f"SHA-256 recorded before {sha256(b'truth')}, got {sha256(b'other')}; it is kept as g.pkl.rejected"
    with pytest.raises(InvalidInputError, match=rf"^[^\n]*g\.pkl is not what was expected: {line}$"):
        shelf.get()
    assert not (root / "g.pkl").exists()
    assert (root / "g.pkl.rejected").read_bytes() == b"other"
    shelf.get(accept_changed=True)
    assert (root / "g.pkl").read_bytes() == b"other"
    shelf.get()
    assert shelf.told.lines[1] == "g.pkl: the SHA-256 is the one recorded before"


def test_a_file_that_was_altered_here_is_fetched_again(shelf: Shelf) -> None:
    root = shelf.get()
    (root / "g.pkl").write_bytes(b"truth?")
    with pytest.raises(InvalidInputError, match="is not what was expected"):
        shelf.get()
    shelf.get()
    assert (root / "g.pkl").read_bytes() == b"truth"


def test_published_checksums(shelf: Shelf) -> None:
    shelf.sums = {"sha256": sha256(b"something else")}
    with pytest.raises(InvalidInputError, match=r"published SHA-256 [^\n]*; it is kept as p\.tgz\.rejected$"):
        shelf.get(accept_changed=True)  # a published one is not waived
    assert not (shelf.folder / "set" / "photos").exists()
    shelf.sums = {"md5": "0" * 32}
    with pytest.raises(InvalidInputError, match=r"MD5 that others recorded 0{32}, got "):
        shelf.get()
    shelf.sums = {"md5": hashlib.md5(PHOTOS, usedforsecurity=False).hexdigest()}
    shelf.get()
    assert "the MD5 is the one that others recorded; SHA-256" in shelf.told.lines[0]
    shelf.sums = {"sha256": sha256(PHOTOS)}
    shelf.get()
    assert shelf.told.lines[0] == "p.tgz: the SHA-256 is the published one"


def test_what_is_no_archive_is_not_kept_as_one(shelf: Shelf) -> None:
    shelf.site.files["p.tgz"] = b"<html>302 Found</html>"
    with pytest.raises(InvalidInputError, match=r"p\.tgz is no archive, or is damaged: [^\n]*\.rejected$"):
        shelf.get()
    shelf.site.files["p.tgz"] = PHOTOS
    shelf.get()
    assert (shelf.folder / "set" / "photos" / "jpg" / "b.jpg").exists()


def test_a_folder_of_someone_else_is_left_alone(shelf: Shelf) -> None:
    own = shelf.folder / "set" / "photos"
    own.mkdir(parents=True)
    (own / "mine").touch()
    with pytest.raises(InvalidInputError, match="exists already; move it away"):
        shelf.get()
    assert (own / "mine").exists()


def test_a_damaged_record_is_told(shelf: Shelf) -> None:
    (shelf.get() / "checksums.json").write_text("[")
    with pytest.raises(InvalidInputError, match=r"checksums\.json is damaged; remove it"):
        shelf.get()


def test_one_download_at_a_time(shelf: Shelf) -> None:
    refused: list[str] = []

    def say(_: str) -> None:  # while the first is under way
        with pytest.raises(InvalidInputError, match="another download is under way in") as caught:
            download("set", shelf.folder, print, sources={"set": Source((), "page")})
        refused.append(str(caught.value))

    file = RemoteFile("g.pkl", (f"{shelf.site.address}/g.pkl",), LIMIT, "")
    download("set", shelf.folder, say, sources={"set": Source((file,), "page")})
    assert len(refused) == 1
    download("set", shelf.folder, print, sources={"set": Source((), "page")})


def test_an_unknown_data_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^unknown data set 'oxford'; expected one of oxford5k, "):
        download("oxford", tmp_path, print)
    assert list(tmp_path.iterdir()) == []


def test_every_published_benchmark_has_a_source() -> None:
    sets = {name.split("-", maxsplit=1)[0] for name in DATASETS}
    assert sets <= SOURCES.keys()
    for source in SOURCES.values():
        assert len({file.name for file in source.files}) == len(source.files) > 0
        for file in source.files:
            assert all(address.split(":")[0] in SCHEMES for address in file.addresses)
            assert not file.is_archive or file.folder


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def zipped(members: dict[str, bytes], mode: int = 0) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return stream.getvalue()


@pytest.mark.parametrize("pack", [tar, zipped])
def test_archives_are_unpacked(pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path) -> None:
    archive = written(tmp_path / "x", pack({"a": b"1", "b/c/d": b"2" * 5000, "./e": b""}))
    assert unpack(archive, tmp_path / "out", 5001) == 3
    files = sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert [path.relative_to(tmp_path / "out").as_posix() for path in files] == ["a", "b/c/d", "e"]
    assert (tmp_path / "out" / "b" / "c" / "d").read_bytes() == b"2" * 5000
    assert not any(path.stat().st_mode & stat.S_IXUSR for path in files)


def special(kind: bytes, name: str = "x", link: str = "/etc/hostname") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        archive.addfile(info)
    return stream.getvalue()


HOSTILE = {
    "up": (tar({"../x": b""}), "expected files below one folder"),
    "up inside": (tar({"a/../../x": b""}), "expected files below one folder"),
    "absolute": (tar({"/tmp/x": b""}), "expected files below one folder"),  # noqa: S108
    "zip up": (zipped({"../x": b""}), "expected files below one folder"),
    "zip absolute": (zipped({"/x": b""}), "expected files below one folder"),
    "zip backslash": (zipped({"..\\x": b""}), "expected files below one folder"),
    "symbolic link": (special(tarfile.SYMTYPE), "expected plain files"),
    "hard link": (special(tarfile.LNKTYPE), "expected plain files"),
    "device": (special(tarfile.CHRTYPE), "expected plain files"),
    "pipe": (special(tarfile.FIFOTYPE), "expected plain files"),
    "zip link": (zipped({"x": b"/etc/hostname"}, stat.S_IFLNK | 0o777), "expected plain files"),
    "too much": (tar({"a": b"0" * 600, "b": b"0" * 600}), "there is more in"),
    "zip too much": (zipped({"a": b"0" * 1_000_000}), "there is more in"),
    "twice": (tar({"a": b"", "./a": b""}), "holds a file twice"),
    "a file that is a folder": (tar({"a": b"", "a/b": b""}), "holds a file twice"),
    "cut": (PHOTOS[:-20], "is no archive, or is damaged"),
    "zip cut": (zipped({"a": b"0" * 500})[:-10], "is no archive, or is damaged"),
    "zip altered": (zipped({"a": DATA[:500]}).replace(DATA[100:110], b"0123456789"), "is damaged"),
    "nothing": (b"", "is no archive, or is damaged"),
}


@pytest.mark.parametrize(("data", "line"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_archives_leave_nothing(data: bytes, line: str, tmp_path: Path) -> None:
    archive = written(tmp_path / "x.tgz", data)
    with pytest.raises(InvalidInputError, match=rf"^[^\n]*{line}[^\n]*$"):
        unpack(archive, tmp_path / "in" / "out", 1000)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]
    assert not (tmp_path / "in" / "out").exists()
