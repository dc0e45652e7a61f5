"""Cameras that work, hang, die and write half a file: a fake rpicam-still, and a fake V4L2 worker."""

import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dsc_common.errors import SettingError
from dsc_common.features.extractor import Extractor
from dsc_common.radio.link import LinkChoice
from dsc_common.retrieval.options import RetrievalOptions
from dsc_device.camera import shooting, v4l2
from dsc_device.camera.camera import Camera, CameraError, NoCameraError
from dsc_device.camera.csi import CsiCamera, find_program
from dsc_device.camera.shooting import Shooting
from dsc_device.camera.triggers import every, on_file, on_line, require_place
from dsc_device.camera.v4l2 import V4l2Camera, require_device, worker_command
from dsc_device.camera.v4l2_worker import NEEDS
from dsc_device.store.queue import QueueLimits
from dsc_device.store.store import Store, open_store
from dsc_device.watching.taking import Taker

LIMIT_S = 30.0

# Both take what they do from the file `how`, and leave their process id in `pid`.
RPICAM = """#!{python}
import os, shutil, sys, time
from pathlib import Path
folder = Path({folder!r})
(folder / "pid").write_text(str(os.getpid()))
(folder / "words").write_text(" ".join(sys.argv[1:]))
target = sys.argv[sys.argv.index("--output") + 1]
how = (folder / "how").read_text()
if how == "hang":
    if os.fork() == 0:
        (folder / "child").write_text(str(os.getpid()))
    time.sleep(600)
if how == "talk":
    sys.exit("first\\n" + 40_000 * "x")
if how == "die":
    sys.exit("ERROR: *** no cameras available ***")
data = (folder / "photo.jpg").read_bytes()
Path(target).write_bytes(data if how == "work" else data[: len(data) // 2] if how == "half" else b"")
"""
WORKER = """
import os, sys, time
from pathlib import Path
folder = Path({folder!r})
with (folder / "started").open("a") as file:
    file.write(f"{{os.getpid()}}\\n")
for line in sys.stdin:
    how = (folder / "how").read_text()
    if how == "hang":
        time.sleep(600)
    if how == "die":
        sys.exit(1)
    if how == "lack":
        print({needs!r} + ": No module named 'cv2'", flush=True)
        continue
    if how == "fail":
        print("the device gives no frame", flush=True)
        continue
    if how != "lie":
        Path(line.rstrip("\\n")).write_bytes((folder / "photo.jpg").read_bytes())
    print("ok", flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path, photos: Path) -> Path:
    from PIL import Image

    with Image.open(photos / "even" / "00.png") as image:
        image.resize((240, 200)).save(tmp_path / "photo.jpg", quality=95)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "rpicam-still"
    program.write_text(RPICAM.format(python=sys.executable, folder=str(tmp_path)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "worker.py").write_text(WORKER.format(folder=str(tmp_path), needs=NEEDS))
    return tmp_path


def csi(folder: Path, limit_s: float = LIMIT_S) -> CsiCamera:
    return CsiCamera(str(folder / "bin" / "rpicam-still"), limit_s, (640, 480))


def v4l2_camera(folder: Path, limit_s: float = LIMIT_S) -> V4l2Camera:
    return V4l2Camera([sys.executable, str(folder / "worker.py")], limit_s)


def do(folder: Path, how: str) -> Path:
    (folder / "how").write_text(how)
    return folder / "target.jpg"


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state in "ZX"


def wait_until_gone(pid: int) -> None:
    ends = time.monotonic() + LIMIT_S
    while not is_gone(pid):
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_the_program_is_found_and_gets_a_list_of_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder / "bin"))
    assert find_program() == str(folder / "bin" / "rpicam-still")
    target = do(folder, "work").with_name("a b; c.jpg")
    csi(folder).capture(target)
    assert target.read_bytes() == (folder / "photo.jpg").read_bytes()
    words = (folder / "words").read_text()
    options = "--nopreview --timeout 1000 --encoding jpg --width 640 --height 480"
    assert words == f"{options} --output {folder}/.a b; c.part.jpg"


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("die", r"rpicam-still failed \(1\): ERROR: \*\*\* no cameras available \*\*\*$"),
        ("empty", "rpicam-still left no photo: expected a photo, got an empty file$"),
        ("talk", r"rpicam-still failed \(1\): x{149} … x{148}$"),
    ],
)
def test_a_program_that_fails_leaves_nothing(how: str, line: str, folder: Path) -> None:
    target = do(folder, how)
    with pytest.raises(CameraError, match=line):
        csi(folder).capture(target)
    assert not list(folder.glob("*target*"))
    assert not list(folder.glob(".target*"))


def test_a_program_that_hangs_is_killed_with_its_children(folder: Path) -> None:
    target = do(folder, "hang")
    with pytest.raises(CameraError, match="gave no photo within 3 s"):
        csi(folder, 3.0).capture(target)
    for name in ("pid", "child"):
        wait_until_gone(int((folder / name).read_text()))
    csi(folder).capture(do(folder, "work"))
    assert target.exists()


def test_a_program_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(CameraError, match="cannot start /nowhere/rpicam-still: No such file"):
        CsiCamera("/nowhere/rpicam-still", 1.0).capture(folder / "target.jpg")


def test_one_worker_takes_photo_after_photo(folder: Path) -> None:
    camera = v4l2_camera(folder)
    target = do(folder, "work")
    for _ in range(3):
        camera.capture(target)
        target.unlink()
    camera.close()
    (pid,) = (folder / "started").read_text().split()
    wait_until_gone(int(pid))


@pytest.mark.parametrize(
    ("how", "line", "starts"),
    [
        ("fail", "^the camera fails: the device gives no frame$", 1),
        ("lie", "^the camera left no photo: No such file", 1),
        ("die", "^the process of the camera ended$", 2),
    ],
)
def test_a_worker_that_fails_is_started_again_if_it_ended(
    how: str, line: str, starts: int, folder: Path
) -> None:
    camera = v4l2_camera(folder)
    with pytest.raises(CameraError, match=line):
        camera.capture(do(folder, how))
    camera.capture(do(folder, "work"))
    camera.close()
    assert len((folder / "started").read_text().split()) == starts


def test_a_worker_that_hangs_is_killed_and_started_again(folder: Path) -> None:
    camera = v4l2_camera(folder, 3.0)
    with pytest.raises(CameraError, match=r"^the camera gave no photo within 3 s$"):
        camera.capture(do(folder, "hang"))
    wait_until_gone(int((folder / "started").read_text()))
    working = v4l2_camera(folder)
    working.capture(do(folder, "work"))
    working.close()


def test_the_real_worker_names_the_extra_that_it_needs(folder: Path) -> None:
    try:
        import cv2  # noqa: F401
    except ImportError:
        line = "^this needs the extra `camera` of deep-semantic-coding: No module named 'cv2'$"
    else:
        line = "^the camera fails: cannot open /dev/no-video$"
    camera = V4l2Camera(worker_command("/dev/no-video", (64, 48)), LIMIT_S)
    with pytest.raises((CameraError, NoCameraError), match=line):
        camera.capture(folder / "target.jpg")
    camera.close()


@pytest.mark.parametrize(
    ("place", "got"),
    [
        ("photo.jpg", "a file: {}"),
        ("bin", "a folder: {}"),
        ("no-video", "{}: No such file or directory"),
        ("photo.jpg/video", "{}: Not a directory"),
    ],
)
def test_what_is_no_device_is_refused(place: str, got: str, folder: Path) -> None:
    path = folder / place
    with pytest.raises(SettingError) as refused:
        require_device(str(path))
    assert str(refused.value) == f"--camera: expected csi or a V4L2 device, got {got.format(path)}"


def test_a_package_that_is_missing_is_named_before_anything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v4l2, "PACKAGE", "a_package_that_is_missing")
    with pytest.raises(NoCameraError, match=r"^--camera /dev/null: this needs the extra `camera` of "):
        require_device("/dev/null")


def test_a_package_that_cannot_be_loaded_ends_the_command(
    folder: Path, store: Store, tiny_model: Path
) -> None:
    studio = Studio(folder, store, tiny_model, camera=v4l2_camera(folder))
    do(folder, "lack")
    with pytest.raises(
        NoCameraError, match=r"^this needs the extra `camera` of [-\w]+: No module named 'cv2'$"
    ):
        studio.shoot()
    studio.camera.close()
    assert studio.lines == []


class Scripted:
    """A camera that does what a list says."""

    def __init__(self, folder: Path, *hows: str) -> None:
        self._photo, self._hows = (folder / "photo.jpg").read_bytes(), list(hows)

    def capture(self, target: Path) -> None:
        how = self._hows.pop(0)
        if how == "fail":
            raise CameraError("the camera fails")
        target.write_bytes(self._photo if how == "work" else self._photo[:600])

    def close(self) -> None:
        pass


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with open_store(folder / "state", QueueLimits(), print) as store:
        yield store


class Studio:
    """Photos of a scripted camera into a queue."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        model: Path,
        *hows: str,
        keep: bool = False,
        camera: Camera | None = None,
    ) -> None:
        self.camera = camera or Scripted(folder, *hows)
        self.lines: list[str] = []
        self.captures = folder / "captures"
        self.captures.mkdir(exist_ok=True)
        extractor = Extractor.from_file(model, threads=1)
        taker = Taker(store, lambda: extractor, LinkChoice(), RetrievalOptions(), self.lines.append)
        times = iter(range(1, 100))
        self.shooting = Shooting(
            self.camera,
            self.captures,
            taker,
            self.lines.append,
            keep=keep,
            now=lambda: datetime(2026, 5, 1, 12, 0, next(times), tzinfo=UTC),
        )

    def shoot(self) -> bool:
        return self.shooting.shoot(threading.Event())


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shooting, "PAUSE_S", 0.0)


def queued(store: Store) -> list[str]:
    names = []
    while (waiting := store.oldest()) is not None and waiting.entry is not None:
        names.append(Path(waiting.entry.name).name)
        store.drop(waiting.number, "tests")
    return names


def test_a_photo_is_queued_and_removed(folder: Path, store: Store, tiny_model: Path) -> None:
    studio = Studio(folder, store, tiny_model, "work", "work")
    assert studio.shoot()
    assert studio.shoot()  # of the same scene: another photo
    assert queued(store) == ["20260501T120001.000000Z.jpg", "20260501T120002.000000Z.jpg"]
    assert list(studio.captures.iterdir()) == []
    assert studio.lines == []


def test_a_photo_can_be_kept(folder: Path, store: Store, tiny_model: Path) -> None:
    studio = Studio(folder, store, tiny_model, "work", keep=True)
    studio.shoot()
    assert [path.name for path in studio.captures.iterdir()] == queued(store)
    studio.shooting.take_left()
    assert queued(store) == []


def test_further_attempts_after_a_failure_and_half_a_photo(
    folder: Path, store: Store, tiny_model: Path
) -> None:
    studio = Studio(folder, store, tiny_model, "fail", "half", "work")
    assert studio.shoot()
    assert queued(store) == ["20260501T120003.000000Z.jpg"]
    assert len(studio.lines) == 2
    assert studio.lines[0] == "error: the camera fails"
    assert "20260501T120002.000000Z.jpg" in studio.lines[1]


def test_a_camera_that_always_fails_does_not_end_the_command(
    folder: Path, store: Store, tiny_model: Path
) -> None:
    studio = Studio(folder, store, tiny_model, "fail", "fail", "fail", "work")
    assert not studio.shoot()
    assert studio.shoot()
    assert studio.lines == ["error: the camera fails"] * 3


def test_triggers_without_a_photo_are_counted(folder: Path, store: Store, tiny_model: Path) -> None:
    studio = Studio(folder, store, tiny_model, *3 * ["fail"], "fail", "work", *3 * ["half"])
    triggers = iter((True, True, True, False))
    studio.shooting.run(lambda _stopping: next(triggers), threading.Event())
    assert (studio.shooting.failed, studio.shooting.asked) == (2, 3)
    assert len(queued(store)) == 1


def test_a_photo_that_was_left_is_queued_at_the_next_start(
    folder: Path, store: Store, tiny_model: Path
) -> None:
    studio = Studio(folder, store, tiny_model)
    (studio.captures / "left.jpg").write_bytes((folder / "photo.jpg").read_bytes())
    (studio.captures / ".half.part.jpg").write_bytes(b"half")
    studio.shooting.take_left()
    assert queued(store) == ["left.jpg"]
    assert list(studio.captures.iterdir()) == []


def test_an_interval_leaves_out_what_a_slow_photo_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    stopping = threading.Event()
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        now[0] += seconds
        return False

    monkeypatch.setattr(stopping, "wait", wait)
    trigger = every(10.0, lambda: now[0])
    assert trigger(stopping)
    now[0] += 3
    assert trigger(stopping)
    now[0] += 25
    assert trigger(stopping)
    assert trigger(stopping)
    assert waited == [0.0, 7.0, 0.0, 0.0]
    stopping.set()
    assert not trigger(stopping)


def test_lines_are_triggers_until_they_end() -> None:
    reading, writing = os.pipe()
    trigger = on_line(reading)
    os.write(writing, b"now\n")
    assert trigger(threading.Event())
    os.close(writing)
    assert not trigger(threading.Event())
    os.close(reading)
    stopped = threading.Event()
    stopped.set()
    assert not trigger(stopped)


def test_a_file_is_a_trigger_each_time_that_it_appears(tmp_path: Path) -> None:
    stopping = threading.Event()
    trigger = on_file(tmp_path / "now")
    for _ in range(2):
        (tmp_path / "now").touch()
        assert trigger(stopping)
        assert not (tmp_path / "now").exists()
    stopping.set()
    assert not trigger(stopping)


def test_lines_that_came_together_are_one_trigger() -> None:
    reading, writing = os.pipe()
    trigger = on_line(reading)
    os.write(writing, b"now\nnow\nnow\n")
    assert trigger(threading.Event())
    os.close(writing)
    assert not trigger(threading.Event())
    os.close(reading)


def test_a_file_that_cannot_appear_is_no_trigger(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "nowhere" / "now", tmp_path / "file" / "now"):
        with pytest.raises(SettingError, match=r"^--trigger: expected a file in a folder that exists, got "):
            require_place(path)
    with pytest.raises(SettingError, match=r"^--trigger: expected a file, got a folder: "):
        require_place(tmp_path)
    require_place(tmp_path / "file")
    require_place(tmp_path / "now")
