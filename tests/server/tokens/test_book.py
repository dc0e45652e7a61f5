"""The file of tokens, and the commands that change it."""

import json
import os
import stat
from pathlib import Path

import pytest

from dsc_common.errors import DscError, InvalidInputError
from dsc_common.serving.roles import Role
from dsc_server.tokens.book import MAX_TOKENS, Book, Entry, changing, read_book, write_book
from helpers.credentials import add_token, revoke_token
from helpers.in_process import run
from helpers.real_processes import only_line


def test_a_token_is_found_until_it_is_revoked(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    tokens = {name: add_token(path, name, Role.READ) for name in ("a", "b")}
    book = read_book(path)
    for name, token in tokens.items():
        assert book.find(token) == next(entry for entry in book.entries if entry.name == name)
    assert [book.find(text) for text in ("", "a", tokens["a"][:-1], tokens["a"] + "x")] == [None] * 4
    revoke_token(path, "a")
    assert read_book(path).find(tokens["a"]) is None
    assert read_book(path).find(tokens["b"]) is not None


def test_the_file_is_its_owners_alone_and_has_no_token(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    token = add_token(path, "a", Role.DEVICE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token.removeprefix("dsc_") not in path.read_text()
    assert len(token) == len("dsc_") + 43  # 256 bits
    assert [each.name for each in tmp_path.iterdir()] == ["tokens"]


@pytest.mark.parametrize("name", ["", "a b", "ä", "../a", "-a", "a" * 65, "a\n"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected a name of up to 64 letters"):
        Book().with_token(name, Role.READ)


def test_there_is_a_limit_of_tokens() -> None:
    entries = tuple(Entry(f"t{number}", Role.READ, "2026-01-01", "0" * 64) for number in range(MAX_TOKENS))
    with pytest.raises(InvalidInputError, match=f"^expected at most {MAX_TOKENS} tokens"):
        Book(entries).with_token("one-more", Role.READ)


ENTRY = {"name": "a", "role": "read", "made": "2026-01-01", "sha256": "0" * 64}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        json.dumps({"format": 2, "tokens": []}).encode(),
        json.dumps({"format": 1, "tokens": [{**ENTRY, "role": "root"}]}).encode(),
        json.dumps({"format": 1, "tokens": [{**ENTRY, "sha256": "x"}]}).encode(),
        json.dumps({"format": 1, "tokens": [{"name": "a"}]}).encode(),
        json.dumps({"format": 1, "tokens": 3}).encode(),
    ],
)
def test_other_content_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_bytes(content)
    with pytest.raises(DscError, match=r"^expected a file of `dsc-server token`, got other content in "):
        read_book(path)


def test_two_changes_at_once_are_one_after_the_other_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    with changing(path) as (file, book):
        with pytest.raises(InvalidInputError, match=r"^another process is changing "):
            add_token(path, "b", Role.READ)
        write_book(file, book.with_token("a", Role.READ)[0])
    assert [entry.name for entry in read_book(path).entries] == ["a"]


def test_a_change_reaches_the_file_behind_symbolic_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, inner, link = tmp_path / "real/tokens", tmp_path / "inner", tmp_path / "link"
    inner.symlink_to("real/tokens")
    link.symlink_to(inner)
    token = add_token(link, "a", Role.READ)  # which makes the file
    assert read_book(real).find(token) is not None
    with changing(real), pytest.raises(InvalidInputError, match=r"^another process is changing "):
        revoke_token(link, "a")
    assert run("dsc_server", "token", "revoke", "a", "--tokens", link).returncode == 0
    assert read_book(real).find(token) is None
    assert link.is_symlink()
    assert inner.is_symlink()
    assert [each.name for each in real.parent.iterdir()] == ["tokens"]


def test_a_loop_of_symbolic_links_stays(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.symlink_to(path)
    with pytest.raises(DscError, match=r"^cannot read the tokens in .*: its symbolic links form a loop$"):
        add_token(path, "a", Role.READ)
    assert path.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes owners")
def test_the_file_stays_its_owners_when_root_changes_it(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    add_token(path, "a", Role.READ)
    os.chown(path, 12345, 23456)
    add_token(path, "b", Role.READ)
    revoke_token(path, "a")
    state = path.stat()
    assert (state.st_uid, state.st_gid, stat.S_IMODE(state.st_mode)) == (12345, 23456, 0o600)


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tokens"
    added = run("dsc_server", "token", "add", "cam", "--role", "read", "--tokens", path)
    assert added.returncode == 0, added.stderr
    token = only_line(added.stdout)
    assert token not in added.stderr
    found = read_book(path).find(token)
    assert found is not None
    assert (found.name, found.role) == ("cam", Role.READ)
    again = run("dsc_server", "token", "add", "cam", "--tokens", path)
    assert (again.returncode, only_line(again.stderr)) == (
        2,
        "error: there is a token cam already; revoke it first",
    )
    monkeypatch.setenv("DSC_SERVER_TOKENS", str(path))
    listed = run("dsc_server", "token", "list", "--json")
    assert json.loads(listed.stdout) == [{"name": "cam", "role": "read", "made": found.made}]
    assert run("dsc_server", "token", "list").stdout == f"cam  read  {found.made}\n"
    assert run("dsc_server", "token", "revoke", "cam").returncode == 0
    assert run("dsc_server", "token", "list").stdout == ""
    gone = run("dsc_server", "token", "revoke", "cam")
    assert (gone.returncode, only_line(gone.stderr)) == (2, "error: there is no token 'cam'")
