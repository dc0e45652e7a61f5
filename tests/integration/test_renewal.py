"""Certificates that are renewed while services and their clients run."""

import shutil
import socket
import ssl
from contextlib import ExitStack
from pathlib import Path

from cryptography import x509

from dsc_device.client import open_channel
from helpers.credentials import certificates, mutual, peer, transmit
from helpers.real_processes import System, start_channel, start_server, wait_for_line


def serial(address: str, folder: Path) -> int:
    """Number of the certificate that a new connection is shown."""
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context(cafile=str(folder / "device/ca.pem"))
    context.load_cert_chain(folder / "device/certificate.pem", folder / "device/key.pem")
    with (
        socket.create_connection((host, int(port))) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        return x509.load_der_x509_certificate(connection.getpeercert(True) or b"").serial_number


def held(folder: Path, role: str) -> int:
    return x509.load_pem_x509_certificate((folder / role / "certificate.pem").read_bytes()).serial_number


def test_renewed_certificates_are_taken_without_a_restart(system: System, tmp_path: Path) -> None:
    folder = certificates(tmp_path / "certificates")
    options = {role: mutual(folder / role) for role in ("server", "channel")}
    options["channel"] += ("--server-tls-ca", folder / "channel/ca.pem")
    with ExitStack() as stack:
        server = stack.enter_context(start_server(system.index, *options["server"]))
        channel = stack.enter_context(start_channel(server.address, *options["channel"]))
        addresses = {"server": server.address, "channel": channel.address}
        caller = peer(channel, "channel", folder, folder / "device")
        device = stack.enter_context(open_channel(caller, 30))
        transmit(device, system)
        before = {role: held(folder, role) for role in ("server", "channel", "device")}
        assert {role: serial(address, folder) for role, address in addresses.items()}.items() < before.items()
        # By another authority, as if the first one was lost: what it has issued is not valid any more.
        shutil.rmtree(folder / "authority")
        certificates(folder)
        assert not {held(folder, role) for role in before} & set(before.values())
        for role, address in addresses.items():
            assert serial(address, folder) == held(folder, role)
        # Clients that ran all the time connect again, and show their new certificates.
        server.stop()
        stack.enter_context(start_server(system.index, *options["server"], "--listen", server.address))
        transmit(device, system)
        channel.stop()
        stack.enter_context(start_channel(server.address, *options["channel"], "--listen", channel.address))
        transmit(device, system)


def test_a_pair_that_does_not_fit_leaves_the_old_one_in_use(tmp_path: Path) -> None:
    folder = certificates(tmp_path / "certificates")
    other = certificates(tmp_path / "other")
    with start_channel("127.0.0.1:1", *mutual(folder / "channel")) as channel:
        before = serial(channel.address, folder)
        shutil.copy(other / "channel/key.pem", folder / "channel/key.pem")
        assert serial(channel.address, folder) == before
        wait_for_line(channel, "note: the TLS files read before stay in use: cannot use the TLS certificate")
