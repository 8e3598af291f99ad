from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from laambda.localcloud.exchange import Answer, Request
from laambda.localcloud.listener import Listener, from_browser


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Answers every request with its method and body."""
    listener = Listener(0)
    listener.answer = lambda request: Answer(200, request.method.encode() + b" " + request.body + b"\n")
    listener.start()
    yield listener
    listener.close()


def say(listener: Listener, text: bytes, lines: int) -> list[bytes]:
    """Send raw bytes; so many lines of what comes back, without what varies."""
    with socket.create_connection(("127.0.0.1", listener.server_port), timeout=5) as connection:
        connection.sendall(text)
        with connection.makefile("rb") as answer:
            read = [answer.readline().rstrip() for _ in range(lines)]
    return [line for line in read if not line.startswith((b"Server", b"Date"))]


def test_a_body_in_chunks_is_put_together(listener: Listener) -> None:
    head = b"PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = say(listener, head + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n", 6)
    assert answer == [b"HTTP/1.1 200 OK", b"Content-Length: 10", b"", b"PUT abcde"]


def test_a_caller_that_waits_to_send_its_body_is_told_to_go_on(listener: Listener) -> None:
    """https://www.rfc-editor.org/rfc/rfc9110#name-expect"""
    head = b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    assert say(listener, head, 2) == [b"HTTP/1.1 100 Continue", b""]


def test_a_body_that_is_too_large_is_refused_unread(listener: Listener) -> None:
    head = b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n"
    assert say(listener, head, 1) == [b"HTTP/1.1 413 Request Entity Too Large"]


def test_a_defect_answers_instead_of_hanging(listener: Listener, capfd: pytest.CaptureFixture[str]) -> None:
    def broken(_request: Request) -> Answer:
        raise RuntimeError("a defect")

    listener.answer = broken
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert say(listener, head, 1) == [b"HTTP/1.1 500 Internal Server Error"]
    assert "RuntimeError: a defect" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"host": "127.0.0.1:4566"}, False),
        ({"host": "localhost"}, False),
        ({"host": "127.0.0.1", "origin": "null"}, True),
        ({"host": "127.0.0.1", "sec-fetch-site": "cross-site"}, True),
        ({"host": "evil.example:4566"}, True),
    ],
)
def test_a_browser_is_known_by_its_headers(headers: dict[str, str], refused: bool) -> None:
    assert from_browser(headers) is refused
