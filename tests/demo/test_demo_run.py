"""The whole demonstration over stand-ins for the commands: what it prints, writes, refuses and leaves."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from dsc_demo import scenes
from dsc_demo.outfolder import MARKER
from helpers.in_process import run

# Each stand-in is the `__main__` of a package that hides the real one; none of them needs a network or torch.
SERVER = """
import signal, sys
from pathlib import Path
arguments = sys.argv[1:]
index = Path(arguments[arguments.index("--index") + 1])
if arguments[0] == "build":
    assert "--overwrite" in arguments
    index.mkdir(parents=True)
    (index / "photos").write_text(arguments[1])
    print('{"images": 3, "labels": 1000, "partitions_in_use": 2, "scheme": "dsc"}')
else:
    assert index.is_dir() and arguments[-2:] == ["--listen", "127.0.0.1:0"]
    print("listening on 127.0.0.1:7001", flush=True)
    (Path(LOG) / "server-pid").write_text(str(__import__("os").getpid()))
    signal.pause()
"""
CHANNEL = """
import signal, sys
assert sys.argv[1:] == ["serve", "--listen", "127.0.0.1:0", "--server", "127.0.0.1:7001"]
print("listening on 127.0.0.1:7002", flush=True)
signal.pause()
"""
DEVICE = """
import json, sys
from pathlib import Path
arguments = sys.argv[1:]
option = lambda name: arguments[arguments.index(name) + 1]
photos = [a for a in arguments[1:arguments.index("--server")]]
assert arguments[0] == "query" and "--json" in arguments and option("--channel") == "127.0.0.1:7002"
database = next(Path(LOG).rglob("index/photos")).read_text()
names = sorted(p.relative_to(database).as_posix() for p in Path(database).rglob("*.*"))
clean = option("--snr-db") == "inf"
for photo in photos:
    scene = Path(photo).stem.rpartition("-")[0]
    mine = [n for n in names if scene.partition("-")[2] in n or n.startswith(scene)]
    order = [*mine, *(n for n in names if n not in mine)] if clean else []
    print(json.dumps({
        "query": photo, "packet": "0a" * 47, "head": [504, 967, 969, 968, 927],
        "head_labels": ["coffee mug", "espresso", "<b>eggnog</b>", "cup", "trifle"],
        "results": [{"rank": r, "image_id": Path(database).name + "/" + n, "uri": "file:///x", "label": 1,
                     "score": 1 / r} for r, n in enumerate(order[:10], start=1)],
        "link": {"mode": "bpsk", "snr_db": "inf" if clean else float(option("--snr-db")), "seed": 0,
                 "channel_uses": 376, "energy": 376.0, "bit_errors": 0 if clean else 47, "head_ok": clean},
        "timings_ms": {"extract": 30.0, "encode": 1.0, "round_trip": 2.0, "server": 0.5},
    }), flush=True)
"""

Done = subprocess.CompletedProcess[str]
Demo = Callable[..., Done]


def stand_in(folder: Path, package: str, source: str) -> None:
    (folder / package).mkdir(parents=True)
    # The other modules of the package stay: the demonstration finds photos with the server's code.
    extended = "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n"
    (folder / package / "__init__.py").write_text(extended)
    (folder / package / "__main__.py").write_text(f"LOG = {str(folder.parent)!r}\n{source}")


def environment_of(folder: Path) -> dict[str, str]:
    """In which the commands are stand-ins; what they note down lies in the folder."""
    place = folder / "stand-ins"
    for package, source in (("dsc_server", SERVER), ("dsc_channel", CHANNEL), ("dsc_device", DEVICE)):
        stand_in(place, package, source)
    paths = [str(place), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def photos_in(folder: Path) -> Path:
    photos = folder / "own photos"
    (photos / "trip").mkdir(parents=True)
    for k, name in enumerate(["one.jpg", "two.png", "trip/three.JPG"]):
        Image.effect_noise((90 + k, 70), 60.0).convert("RGB").save(photos / name)
    return photos


def run_process(environment: dict[str, str], *arguments: object) -> Done:
    command = [sys.executable, "-m", "dsc_demo", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return environment_of(tmp_path)


@pytest.fixture
def demo(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Demo:
    """`dsc-demo` in this process; the commands that it starts are processes."""
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    return partial(run, "dsc_demo")


@pytest.fixture
def own_photos(tmp_path: Path) -> Path:
    return photos_in(tmp_path)


@dataclass(frozen=True)
class Finished:
    """A demonstration that ran to its end in a process of its own; no test changes its files."""

    done: Done
    photos: Path
    out: Path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("demonstration")
    photos, out = photos_in(folder), folder / "out"
    done = run_process(environment_of(folder), "--images", photos, "--out", out)
    assert done.returncode == 0, done.stderr
    return Finished(done, photos, out)


class Page(HTMLParser):
    """What a page links to, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.classes: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.classes.append(dict(attrs).get("class") or "")
        assert not {"src", "href", "onload"} & dict(attrs).keys()

    def handle_data(self, data: str) -> None:
        self.text += data


def test_own_photos_end_in_a_report(finished: Finished) -> None:
    lines = finished.done.stdout.splitlines()
    assert lines[-1] == f"report: {finished.out / 'report.html'}"
    assert max(map(len, lines[:-1])) <= 110
    rows = [line for line in lines if "01-three" in line or "02-one" in line]
    assert all("1 1 1" in row and "– – –" in row and "coffee mug" in row for row in rows)
    assert [line.split()[:4] for line in lines if line.strip().startswith(("∞ dB", "5 dB"))] == [
        ["∞", "dB", "0", "100%"],
        ["5", "dB", "0.12", "0%"],
    ]


def test_report_needs_nothing_beside_it_and_escapes(finished: Finished) -> None:
    html = (finished.out / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "eggnog"} & set(page.tags)
    assert "<b>eggnog</b>" in page.text
    assert html.count("url(") == html.count('url("data:image/jpeg;base64,')
    assert page.tags.count("article") == 9
    assert page.classes.count("right") == 9  # one right photo per query at ∞ dB, none without results
    assert page.text.count("No image came back.") == 4 * 9


def test_ground_truth_names_the_users_folder(finished: Finished) -> None:
    truth = json.loads((finished.out / "gallery" / "ground_truth.json").read_text())
    assert truth["images"] == [str(finished.photos), "queries"]
    assert truth["queries"][0]["positives"] == ["one.jpg"]


def test_second_run_overwrites_its_own_and_keeps_other_files(
    demo: Demo, own_photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert demo("--images", own_photos, "--out", out).returncode == 0
    (out / "gallery" / "queries" / "stale.jpg").touch()
    (out / "notes.txt").write_text("mine")
    assert demo("--images", own_photos, "--out", out).returncode == 0
    assert not (out / "gallery" / "queries" / "stale.jpg").exists()
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.usefixtures("own_photos")
@pytest.mark.parametrize(
    ("images", "out", "words"),
    [
        ("empty", "out", "no photo in"),
        ("absent", "out", "no such folder"),
        ("own photos", "foreign", "was not written by dsc-demo"),
        ("own photos", "a-file", "is a file, not a folder"),
        ("own photos", "own photos/out", "lies inside the photo folder"),
        ("own photos", ".", "lies inside --out"),
    ],
)
def test_bad_input_is_one_line(demo: Demo, tmp_path: Path, images: str, out: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").touch()
    (tmp_path / "a-file").touch()
    done = demo("--images", tmp_path / images, "--out", tmp_path / out)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert [path.name for path in (tmp_path / "foreign").iterdir()] == ["thesis.tex"]
    assert not (tmp_path / "out").exists()


def test_gallery_command_writes_only_the_gallery(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tuple(row for row in scenes._SHIPPED_SCENES if row[0] in {"coffee", "rocket"})
    monkeypatch.setattr(scenes, "_SHIPPED_SCENES", few)
    done = demo("gallery", "--out", tmp_path / "gallery")
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "gallery").iterdir()}
    assert written == {"photos", "queries", "ground_truth.json", MARKER}


def test_a_failing_build_has_said_why(environment: dict[str, str], own_photos: Path, tmp_path: Path) -> None:
    server = tmp_path / "stand-ins" / "dsc_server" / "__main__.py"
    server.write_text("import sys; sys.exit('error: no room on the disk')")
    done = run_process(environment, "--images", own_photos, "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (1, "error: no room on the disk\n")


def test_a_killed_build_is_named(demo: Demo, own_photos: Path, tmp_path: Path) -> None:
    server = tmp_path / "stand-ins" / "dsc_server" / "__main__.py"
    server.write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    done = demo("--images", own_photos, "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (1, "error: dsc-server build failed (exit code -9)\n")


def test_a_query_without_an_answer_is_named(demo: Demo, own_photos: Path, tmp_path: Path) -> None:
    (tmp_path / "stand-ins" / "dsc_device" / "__main__.py").write_text("")
    done = demo("--images", own_photos, "--out", tmp_path / "out")
    words = "error: dsc-device gave no answer for 01-one-perspective.jpg (9 in all)\n"
    assert (done.returncode, done.stderr) == (1, words)


def test_sigterm_ends_the_services(environment: dict[str, str], own_photos: Path, tmp_path: Path) -> None:
    device = tmp_path / "stand-ins" / "dsc_device" / "__main__.py"
    os.mkfifo(tmp_path / "asked")
    device.write_text(f"import signal\nopen({str(tmp_path / 'asked')!r}, 'w').close()\nsignal.pause()\n")
    command = [sys.executable, "-m", "dsc_demo", "--images", str(own_photos), "--out", str(tmp_path / "out")]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        (tmp_path / "asked").read_text()  # until the device runs
        server = int((tmp_path / "server-pid").read_text())
        os.kill(server, 0)
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
    assert running.returncode not in (0, None)
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
