"""Who gets in, what they may ask for, and what a stranger can't do."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

import paramiko
import pytest

from laambda.domain.refs import ZERO, RefUpdate
from receiver.limits import Limits
from tests.integration.receiver.conftest import SCOPE, Customer, House


def test_an_unknown_key_is_refused(house: House, new_customer: Callable[..., Customer]) -> None:
    mallory = new_customer("mallory", known=False)
    mallory.commit("app.py", "print('hello')\n")
    code, said = mallory.push()

    assert code == 128
    assert "Permission denied (publickey)" in said


def test_only_the_user_git_gets_in(customer: Customer) -> None:
    assert "Permission denied (publickey)" in customer.ssh(user="root")[1]


def test_a_shell_says_who_you_are_and_how_to_push(customer: Customer) -> None:
    code, said = customer.ssh()

    assert code == 0
    assert "Hi ada, your key is known" in said
    assert f"git remote add laambda ssh://git@127.0.0.1:{customer.port}/APP.git" in said


def test_an_unknown_app_is_named_with_the_command_that_makes_it(customer: Customer) -> None:
    code, said = customer.run("git", "push", customer.url("nope"), "main")

    assert code == 128
    assert " !     there is no app nope\n !     Make it with: laambda apps:create nope" in said


@pytest.mark.parametrize("command", ["id", "git-receive-pack 'api.git';id", "scp -t /tmp", "git-upload-pack '../api'"])
def test_other_commands_are_refused(customer: Customer, command: str) -> None:
    code, said = customer.ssh(command)

    assert code == 1
    assert "this is a git server" in said


def test_forwarding_is_refused(customer: Customer) -> None:
    code, said = customer.ssh("-W", "127.0.0.1:22")

    assert code != 0
    assert "forwarding failed" in said


def test_the_host_key_stays_the_same(house: House) -> None:
    house.receiver()
    fingerprint = (house.settings.home / "host_ed25519").read_bytes()
    house.receiver()

    assert (house.settings.home / "host_ed25519").read_bytes() == fingerprint
    assert (house.settings.home / "host_ed25519").stat().st_mode & 0o777 == 0o600


def test_a_giant_packet_before_authentication_is_refused(house: House) -> None:
    with socket.create_connection(house.receiver(), timeout=10) as stranger:
        stranger.sendall(b"SSH-2.0-x\r\n" + struct.pack(">I", 0x7FFFFFFC) + bytes(64))

        assert _read_to_end(stranger).startswith(b"SSH-2.0-laambda\r\n")


def test_a_silent_stranger_is_shown_out(house: House) -> None:
    with socket.create_connection(house.receiver(Limits(login=0.2)), timeout=10) as stranger:
        assert _read_to_end(stranger) == b"SSH-2.0-laambda\r\n"


def test_a_stranger_who_never_logs_in_is_shown_out(house: House) -> None:
    client = paramiko.Transport(house.receiver(Limits(login=0.5)))
    client.start_client(timeout=10)

    client.join(10)
    assert not client.is_active()


def test_a_connection_without_a_session_ends(house: House, new_customer: Callable[..., Customer]) -> None:
    with _client(new_customer(port=house.receiver(Limits(idle=0.2))[1])) as client:
        assert client.is_authenticated()
        client.join(10)
        assert not client.is_active()


@pytest.mark.parametrize("cap", ["connections", "per_address", "unauthenticated", "strangers"])
def test_so_many_connections_and_no_more(house: House, cap: str) -> None:
    address = house.receiver(Limits(**{cap: 1}))
    with socket.create_connection(address, timeout=10) as first, first.makefile("rb") as stream:
        assert stream.readline() == b"SSH-2.0-laambda\r\n"
        with socket.create_connection(address, timeout=10) as second:
            assert _read_to_end(second) == b""


def test_who_has_a_session_is_no_stranger(house: House, new_customer: Callable[..., Customer]) -> None:
    ada = new_customer(port=house.receiver(Limits(unauthenticated=1))[1])
    with _client(ada) as first:
        first.open_session()
        with _client(ada) as second:
            assert second.is_authenticated()


def test_a_stranger_gets_no_session(house: House) -> None:
    with paramiko.Transport(house.receiver()) as stranger:
        stranger.start_client(timeout=10)
        with pytest.raises(paramiko.SSHException):
            stranger.open_session(timeout=10)


def test_a_peer_that_ignores_its_window_is_cut_off(customer: Customer) -> None:
    with _client(customer) as client:
        channel = client.open_session()
        channel.out_window_size = 1 << 30
        with pytest.raises((OSError, EOFError)):
            channel.sendall(bytes(30_000_000))
        client.join(10)
        assert not client.is_active()


@pytest.mark.parametrize(
    ("option", "theirs"),
    [
        ("Ciphers=aes128-ctr", "aes128-gcm@openssh.com,aes256-gcm@openssh.com"),
        ("Ciphers=chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com,aes256-gcm@openssh.com"),
        ("KexAlgorithms=diffie-hellman-group14-sha256", "curve25519-sha256@libssh.org"),
        ("HostKeyAlgorithms=rsa-sha2-256", "ssh-ed25519"),
    ],
)
def test_only_modern_algorithms_are_spoken(customer: Customer, option: str, theirs: str) -> None:
    code, said = customer.run("ssh", "-F", "/dev/null", "-o", option, "-p", str(customer.port), "git@127.0.0.1", "id")

    assert code == 255
    assert "Unable to negotiate" in said
    assert theirs in said


def test_a_connection_has_so_many_sessions(house: House, new_customer: Callable[..., Customer]) -> None:
    with _client(new_customer(port=house.receiver(Limits(sessions=2))[1])) as client:
        first, _second = client.open_session(), client.open_session()
        with pytest.raises(paramiko.ChannelException, match="Administratively prohibited"):
            client.open_session()
        first.close()


def test_a_session_runs_one_command(customer: Customer) -> None:
    with _client(customer) as client:
        channel = client.open_session()
        channel.exec_command("git-receive-pack 'api.git'")
        with pytest.raises(paramiko.SSHException):
            channel.exec_command("git-receive-pack 'api.git'")


@pytest.mark.parametrize("kind", ["x11", "direct-tcpip", "auth-agent@openssh.com"])
def test_other_channels_are_refused(customer: Customer, kind: str) -> None:
    with _client(customer) as client, pytest.raises(paramiko.ChannelException, match="Administratively prohibited"):
        client.open_channel(kind, ("127.0.0.1", 22), ("127.0.0.1", 1))


def test_a_client_that_stops_reading_holds_no_git(house: House, new_customer: Callable[..., Customer]) -> None:
    ada = new_customer(port=house.receiver(Limits(stalled=0.3))[1])
    head = ada.commit("app.py", "print('hello')\n")
    ada.push()
    with house.services.database.write() as tx:
        tx.refs.move(SCOPE, [RefUpdate(f"refs/tags/{number:04}", ZERO, head) for number in range(1000)])
    with _client(ada) as client:
        channel = client.open_session(window_size=1)
        channel.exec_command("git-upload-pack 'api.git'")
        assert channel.recv_exit_status() != 0


def test_a_client_that_says_nothing_holds_no_git(house: House, new_customer: Callable[..., Customer]) -> None:
    with _client(new_customer(port=house.receiver(Limits(stalled=0.3))[1])) as client:
        channel = client.open_session()
        channel.exec_command("git-receive-pack 'api.git'")
        assert channel.recv_exit_status() == 128


def _client(customer: Customer) -> paramiko.Transport:
    client = paramiko.Transport(("127.0.0.1", customer.port))
    client.start_client(timeout=10)
    client.auth_publickey("git", paramiko.Ed25519Key(filename=str(customer.key)))
    return client


def _read_to_end(sock: socket.socket) -> bytes:
    chunks = []
    try:
        while chunk := sock.recv(65536):
            chunks.append(chunk)
    except ConnectionResetError:
        pass
    return b"".join(chunks)[:17]
