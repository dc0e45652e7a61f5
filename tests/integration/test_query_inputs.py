"""`dsc-device query` takes photos, folders, lists, and a photo on standard input, with the same answers."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from dsc_demo.processes import python_module
from helpers import in_process
from helpers.real_processes import Running, System, json_lines

LIMIT_S = 60


def query(
    running: Running, cache: Path, *arguments: str | Path, given: bytes = b""
) -> tuple[list[dict[str, Any]], list[str], int]:
    """Answers, lines on stderr, and exit code of a query with standard input."""
    places = ("--server", running.server.address, "--channel", running.channel.address, "--cache", cache)
    words = ("dsc_device", "query", *arguments, *places, "--json")
    if not given:  # then no process of its own is needed
        inside = in_process.run(*words)
        return json_lines(inside.stdout), inside.stderr.splitlines(), inside.returncode
    done = subprocess.run(
        python_module(*words),
        input=given,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    return json_lines(done.stdout.decode()), done.stderr.decode().splitlines(), done.returncode


def without_times(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in answer.items() if key != "timings_ms"} for answer in answers]


@pytest.fixture(scope="module")
def by_name(system: System, running: Running, cache: Path) -> list[dict[str, Any]]:
    answers, said, code = query(running, cache, *system.queries)
    assert (said, code) == ([], 0)
    return without_times(answers)


def test_a_folder_and_a_list_give_the_answers_of_their_photos(
    system: System, running: Running, cache: Path, by_name: list[dict[str, Any]]
) -> None:
    answers, said, code = query(running, cache, system.queries[0].parent)
    assert (without_times(answers), said, code) == (by_name, [], 0)
    lines = "\n".join(map(str, system.queries)).encode()
    answers, said, code = query(running, cache, "--photos-from", "-", given=lines)
    assert (without_times(answers), said, code) == (by_name, [], 0)
    answers, said, code = query(running, cache, "-0", "--photos-from", "-", given=lines.replace(b"\n", b"\0"))
    assert (without_times(answers), said, code) == (by_name, [], 0)


def test_a_photo_on_standard_input_is_the_photo(
    system: System, running: Running, cache: Path, by_name: list[dict[str, Any]]
) -> None:
    answers, said, code = query(running, cache, "-", given=system.queries[0].read_bytes())
    assert (said, code) == ([], 0)
    assert without_times(answers) == [{**by_name[0], "query": "-"}]


def test_what_fails_is_counted_at_the_end(
    system: System, running: Running, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    (tmp_path / "notes.txt").write_text("no photo")
    (tmp_path / "lost").symlink_to("nowhere")
    (tmp_path / "good.png").symlink_to(system.queries[0])
    answers, said, code = query(running, cache, tmp_path, tmp_path / "absent.png")
    assert [answer["query"] for answer in answers] == [str(tmp_path / "good.png")]
    assert code == 1
    assert said[0] == f"error: cannot read {tmp_path / 'lost'}: leads to nowhere"
    assert said[1] == "note: passed over: files that are no photos (1)"
    assert said[-1] == "error: 3 of 4 photos have no answer"
    assert len(said) == 5


@pytest.mark.parametrize(
    ("arguments", "line", "code"),
    [
        ((), "error: expected a PHOTO or --photos-from FILE, got neither", 2),
        (("--photos-from", "/dev/null"), "error: no photo in the list /dev/null", 1),
        (("-", "-"), "error: expected one photo on standard input, got '-' twice", 2),
    ],
)
def test_no_photo_at_all_is_an_error(
    arguments: tuple[str, ...], line: str, code: int, running: Running, cache: Path
) -> None:
    assert query(running, cache, *arguments) == ([], [line], code)
