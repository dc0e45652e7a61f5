"""The folder of certificates: what is made, renewed, kept and repaired; clients and services use it in
`tests/integration/test_access.py`."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from dsc_common.errors import DscError
from dsc_server.certificates.authority import Authority, hosts_of
from dsc_server.certificates.folder import LOOPBACK, ROLES
from helpers.credentials import certificates
from helpers.in_process import run
from helpers.real_processes import only_line


def read(folder: Path, role: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / role / "certificate.pem").read_bytes())


def serials(folder: Path) -> dict[str, int]:
    return {role: read(folder, role).serial_number for role in ROLES}


def changed(folder: Path, before: dict[str, int]) -> set[str]:
    return {role for role, number in serials(folder).items() if number != before[role]}


def test_one_command_makes_everything_and_again_keeps_it(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    done = run("dsc_server", "cert", folder, "--host", "Server.example,10.0.0.7", "--host", "[2001:DB8::1]")
    assert done.returncode == 0, done.stderr
    names = {"server.example", "10.0.0.7", "2001:db8::1", "localhost", "127.0.0.1", "::1"}
    assert [set(hosts_of(read(folder, role))) for role in ROLES] == [names, names, set()]
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    pair = {f"{role}/{name}" for role in ROLES for name in ("ca.pem", "certificate.pem", "key.pem")}
    assert found == pair | {"authority/ca.pem", "authority/ca-key.pem"}
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*key.pem")}
    assert set(modes.values()) == {0o600}
    before = serials(folder)
    again = run("dsc_server", "cert", folder)
    assert [line.split(",")[0] for line in again.stderr.splitlines()] == [f"{role}: kept" for role in ROLES]
    assert changed(folder, before) == set()


def test_lifetimes_and_uses(tmp_path: Path) -> None:
    folder = certificates(tmp_path)
    now = datetime.now(UTC)
    ca = x509.load_pem_x509_certificate((folder / "authority/ca.pem").read_bytes())
    assert timedelta(days=3649) < ca.not_valid_after_utc - now <= timedelta(days=3650)
    for role in ROLES:
        certificate = read(folder, role)
        certificate.verify_directly_issued_by(ca)
        assert timedelta(days=89) < certificate.not_valid_after_utc - now <= timedelta(days=90)
        uses = set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        serves = ExtendedKeyUsageOID.SERVER_AUTH in uses
        assert ExtendedKeyUsageOID.CLIENT_AUTH in uses
        assert serves is (role != "device")  # a stolen key of a device makes no server


def test_what_is_near_its_end_is_renewed_by_the_same_authority(tmp_path: Path) -> None:
    folder = certificates(
        tmp_path, days=0.01, hosts=["server.example"]
    )  # a quarter of an hour, of which an hour is over
    before, authority = serials(folder), (folder / "authority/ca.pem").read_bytes()
    certificates(folder)
    assert changed(folder, before) == set(ROLES)
    assert "server.example" in hosts_of(read(folder, "server"))
    assert (folder / "authority/ca.pem").read_bytes() == authority
    before = serials(folder)
    certificates(folder)
    assert changed(folder, before) == set()
    certificates(folder, renew=True)
    assert changed(folder, before) == set(ROLES)


def test_other_names_make_new_certificates_of_services_alone(tmp_path: Path) -> None:
    folder = certificates(tmp_path, hosts=["one"])
    before = serials(folder)
    certificates(folder, hosts=["two"])
    assert changed(folder, before) == {"server", "channel"}
    assert "one" not in hosts_of(read(folder, "server"))


def test_what_is_broken_is_made_again(tmp_path: Path) -> None:
    folder, other = certificates(tmp_path / "a"), certificates(tmp_path / "b")
    before = serials(folder)
    (folder / "server/key.pem").write_bytes((other / "server/key.pem").read_bytes())
    (folder / "channel/certificate.pem").write_text("garbage")
    for name in ("certificate.pem", "key.pem"):
        (folder / "device" / name).write_bytes((other / "device" / name).read_bytes())
    certificates(folder)
    assert changed(folder, before) == set(ROLES)
    (folder / "device/ca.pem").unlink()
    before = serials(folder)
    certificates(folder)
    assert (folder / "device/ca.pem").read_bytes() == (folder / "authority/ca.pem").read_bytes()
    assert changed(folder, before) == set()


@pytest.mark.parametrize("options", [(), ("--renew",)])
def test_names_of_another_authority_are_not_signed(options: tuple[str, ...], tmp_path: Path) -> None:
    folder, other = certificates(tmp_path / "a", hosts=["ours"]), certificates(tmp_path / "b", hosts=["bank"])
    for name in ("certificate.pem", "key.pem"):
        (folder / "server" / name).write_bytes((other / "server" / name).read_bytes())
    done = run("dsc_server", "cert", folder, *options)
    assert done.returncode == 0, done.stderr
    server, channel, _ = done.stderr.splitlines()
    assert server.startswith("server: made (it was of another authority; --host names other hosts), ")
    assert "--host" not in channel
    assert set(hosts_of(read(folder, "server"))) == set(LOOPBACK)
    assert set(hosts_of(read(folder, "channel"))) == {"ours", *LOOPBACK}


def test_given_names_replace_those_of_another_authority(tmp_path: Path) -> None:
    folder = certificates(tmp_path, hosts=["ours"])
    for name in ("ca.pem", "ca-key.pem"):
        (folder / "authority" / name).unlink()
    done = run("dsc_server", "cert", folder, "--host", "ours")
    assert done.stderr.startswith("server: made (it was of another authority), ")
    assert set(hosts_of(read(folder, "server"))) == {"ours", *LOOPBACK}


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem"])
def test_half_an_authority_is_never_replaced(name: str, tmp_path: Path) -> None:
    folder = certificates(tmp_path)
    (folder / "authority" / name).unlink()
    done = run("dsc_server", "cert", folder)
    assert done.returncode == 1
    assert only_line(done.stderr).startswith(f"error: the authority lacks {folder}/authority/{name}; ")
    (folder / "authority" / name).write_text("garbage")
    assert only_line(run("dsc_server", "cert", folder).stderr).startswith(
        "error: cannot use the authority in "
    )


def test_an_authority_that_has_expired_issues_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsc_server.certificates.authority.AUTHORITY_DAYS", 0)
    with pytest.raises(DscError, match=r"^the authority has expired"):
        Authority.new().issue("device", [], 1)


@pytest.mark.parametrize("host", ["a b", "a/b", "ä", "-a", "a:b c", "*"])
def test_a_host_that_is_no_name_is_refused(host: str, tmp_path: Path) -> None:
    done = run("dsc_server", "cert", tmp_path, f"--host={host}")
    assert done.returncode == 2
    assert only_line(done.stderr) == f"error: --host: expected a name or an IP address, got {host!r}"
