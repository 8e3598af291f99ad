"""Run by git as the pre-receive and the proc-receive hook: ask the receiver, print what it says.

Standard library only and almost nothing of it, since every push waits for this to start: ``python3 -I -S`` with
``_socket`` is up in 15 ms, ``socket`` alone doubles that. Python's first argument names the hook. The receiver
authenticates the request by the nonce that it put into git's environment.
"""

import os
import sys
from _socket import AF_UNIX, SHUT_WR, SOCK_STREAM, socket

LOST = b" !     The receiver went away. Push again: a build that has started is joined, not built twice\n"


def main() -> int:
    kind = sys.argv[1]
    if kind == "proc-receive":
        read_packets()
        write_packets([b"version=1"])
        answer = ask(kind, b"\n".join(read_packets()))
        write_packets(answer.splitlines())
        return 0
    return relay(connect(kind, sys.stdin.buffer.read()))


def connect(kind: str, body: bytes) -> socket:
    """Send the request: the length of its head in 8 hex digits, the head's NUL-separated fields, and the body."""
    env = os.environ
    count = int(env.get("GIT_PUSH_OPTION_COUNT", "0"))
    options = [env.get(f"GIT_PUSH_OPTION_{number}", "") for number in range(count)]
    fields = [env["LAAMBDA_HOOK_NONCE"], kind, env.get("GIT_QUARANTINE_PATH", ""), *options]
    head = "\0".join(fields).encode("utf-8", "surrogateescape")
    peer = socket(AF_UNIX, SOCK_STREAM)
    peer.connect(env["LAAMBDA_HOOK_SOCKET"])
    peer.sendall(b"%08x" % len(head) + head + body)
    peer.shutdown(SHUT_WR)
    return peer


def ask(kind: str, body: bytes) -> bytes:
    """The whole answer, without the exit code that follows its NUL."""
    peer = connect(kind, body)
    chunks = []
    while chunk := peer.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks).partition(b"\0")[0]


def relay(peer: socket) -> int:
    """Print what comes as it comes, up to a NUL; the exit code follows it."""
    while chunk := peer.recv(65536):
        text, end, code = chunk.partition(b"\0")
        print_all(text)
        if end:
            while more := peer.recv(16):
                code += more
            return int(code)
    print_all(LOST)
    return 1


def print_all(text: bytes) -> None:
    while text:
        text = text[os.write(2, text) :]


def read_packets() -> list[bytes]:
    """One pkt-line section: https://git-scm.com/docs/protocol-common#_pkt_line_format"""
    packets = []
    while size := int(sys.stdin.buffer.read(4), 16):
        packets.append(sys.stdin.buffer.read(size - 4).removesuffix(b"\n"))
    return packets


def write_packets(packets: list[bytes]) -> None:
    section = b"".join(b"%04x%s\n" % (len(packet) + 5, packet) for packet in packets) + b"0000"
    while section:
        section = section[os.write(1, section) :]


if __name__ == "__main__":
    os._exit(main())  # nothing is buffered, and tearing Python down takes milliseconds
