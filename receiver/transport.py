"""paramiko's server side made fit for the internet.

As it comes, paramiko believes any packet length, before authentication too (one socket can make it hold 2 GB), and
never checks a peer against the receive window it was given. Both are bounded here. Ciphers are AES-GCM alone, which
is also what makes a push fast.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import paramiko
from paramiko.channel import Channel
from paramiko.common import MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA, MSG_CHANNEL_REQUEST
from paramiko.message import Message
from paramiko.packet import Packetizer
from paramiko.ssh_exception import SSHException

from receiver.limits import Limits

_PACKET_LIMIT = 256 * 1024
"""Bytes; RFC 4253 section 6.1 asks for 35,000, OpenSSH sends up to 32 KB of data and reads up to 256 KB."""
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
_MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com")
_KEX = ("mlkem768x25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384")


class _BoundedPacketizer(Packetizer):
    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        if not 0 <= n <= _PACKET_LIMIT:
            raise SSHException("packet too large")
        return super().read_all(n, check_rekey)


def _bounded_data(channel: Channel, message: Message) -> None:
    """Take data, unless the peer has sent twice what its window allows."""
    if len(channel.in_buffer) > 2 * channel.in_window_size:
        raise SSHException("receive window overrun")
    channel._feed(message)  # type: ignore[attr-defined]


def _no_extended_data(_channel: Channel, _message: Message) -> None:
    """A client has no business sending stderr; nobody would read it."""


def _request_answered(channel: Channel, message: Message) -> None:
    """Serve a session only after its request was answered, or its first bytes could overtake the answer."""
    channel._handle_request(message)  # type: ignore[attr-defined]
    channel.get_transport().server_object.answered(channel)  # type: ignore[union-attr]


class HardTransport(paramiko.Transport):
    """One connection. ``on_end`` is called once, from its own thread, when it is over."""

    _channel_handler_table = {  # noqa: RUF012 - as in the base class
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]
        MSG_CHANNEL_DATA: _bounded_data,
        MSG_CHANNEL_EXTENDED_DATA: _no_extended_data,
        MSG_CHANNEL_REQUEST: _request_answered,
    }

    def __init__(self, sock: socket.socket, limits: Limits, on_end: Callable[[], None]) -> None:
        super().__init__(
            sock,
            packetizer_class=_BoundedPacketizer,
            default_window_size=limits.window,
            default_max_packet_size=limits.packet,
            server_sig_algs=True,
        )
        self._on_end = on_end
        self.local_version = "SSH-2.0-laambda"
        options = self.get_security_options()
        options.ciphers = _CIPHERS
        options.digests = _MACS
        options.kex = tuple(name for name in _KEX if name in options.kex)
        self.set_keepalive(limits.keepalive)

    def _parse_newkeys(self, m: Message) -> None:
        """Acknowledge at once: we have nothing to say now, and the client's next packet waits (Nagle) until our kernel
        has, which would take 40 ms of each connection."""
        super()._parse_newkeys(m)  # type: ignore[misc]
        if hasattr(socket, "TCP_QUICKACK"):
            with suppress(OSError):
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # type: ignore[union-attr]

    @property
    def open_sessions(self) -> int:
        return len(self._channels)  # type: ignore[attr-defined]

    def run(self) -> None:
        try:
            super().run()
        finally:
            self._on_end()


def prepare_socket(sock: socket.socket, limits: Limits) -> None:
    """Small packets at once; a dead peer is noticed within a minute or two, whether we wait or send."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", limits.keepalive),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 6),
        ("TCP_USER_TIMEOUT", 120_000),
    ):
        if hasattr(socket, name):
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
