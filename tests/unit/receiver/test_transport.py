"""What a connection is set to before anything is read from it."""

from __future__ import annotations

import socket

from receiver.limits import Limits
from receiver.transport import prepare_socket


def test_a_dead_peer_is_noticed_whether_we_wait_or_send() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sock:
        prepare_socket(sock, Limits(keepalive=30))

        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) * 6 == 60
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 120_000
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
