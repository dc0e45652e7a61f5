"""Tokens of clients: what a file may hold, and where a token is not sent."""

from pathlib import Path

import pytest

from dsc_common.errors import DscError, SettingError
from dsc_common.serving.address import Peer, is_loopback
from dsc_common.serving.bearer import MAX_TOKEN_BYTES, bearer

CA = Path("ca.pem")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("[::1]", True),
        ("[::ffff:127.0.0.1]", True),
        ("0.0.0.0", False),  # noqa: S104 (a text)
        ("[::]", False),
        ("[::ffff:10.0.0.7]", False),
        ("10.0.0.7", False),
        ("127.1", False),  # not every resolver takes it for 127.0.0.1
        ("localhost.example", False),
        ("server", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(f"{host}:1") is expected


@pytest.mark.parametrize("text", ["abc", "abc\n", "  abc\r\n"])
def test_the_token_of_a_file_is_sent_without_the_white_space_around_it(text: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    for peer in (Peer("server", "localhost:1", token_file=file), Peer("s", "far:1", CA, token_file=file)):
        assert bearer(peer) == (("authorization", "Bearer abc"),)
    file.write_text("renewed")
    assert bearer(peer) == (("authorization", "Bearer renewed"),)
    assert bearer(Peer("server", "far:1")) == ()


@pytest.mark.parametrize("data", [b"", b"\n", b"a b", b"a\nb", b"\xff\xfe", b"x" * (MAX_TOKEN_BYTES + 1)])
def test_what_is_no_token_is_refused_without_being_quoted(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(data)
    with pytest.raises(DscError) as caught:
        bearer(Peer("server", "localhost:1", token_file=file))
    assert str(caught.value) == f"expected a token and nothing else in {file}, got other text"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DscError, match=r"^cannot read the token file .*/none: No such file"):
        bearer(Peer("server", "localhost:1", token_file=tmp_path / "none"))


@pytest.mark.parametrize(
    "peer",
    [Peer("server", "far:1", token_file=CA), Peer("server", "localhost:1", use_proxy=True, token_file=CA)],
)
def test_a_token_is_not_sent_in_the_clear(peer: Peer) -> None:
    with pytest.raises(SettingError, match="a token is not sent in the clear to the server at "):
        bearer(peer)
