from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from laambda.errors import InvalidInput
from receiver.hook import HookRequest, HookServer, Tell, install_hooks, plain_lines


@pytest.fixture
def server() -> Iterator[HookServer]:
    with tempfile.TemporaryDirectory(prefix="lb") as folder:
        install_hooks(Path(folder) / "hooks")
        server = HookServer(Path(folder) / "run")
        server.start()
        yield server
        server.stop()


def run(server: HookServer, name: str, stdin: bytes, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    hook = server.path.parent.parent / "hooks" / name
    return subprocess.run([hook], input=stdin, env=environment, capture_output=True, timeout=20, check=False)


def test_pre_receive_prints_what_it_is_told(server: HookServer) -> None:
    asked: list[HookRequest] = []

    def answer(request: HookRequest, tell: Tell) -> int:
        asked.append(request)
        tell("-----> One")
        tell("       two")
        return 7

    with server.expect(answer) as environment:
        options = {"GIT_PUSH_OPTION_COUNT": "2", "GIT_PUSH_OPTION_0": "detach", "GIT_PUSH_OPTION_1": ""}
        done = run(server, "pre-receive", b"old new refs/heads/main\n", {**environment, **options})

    assert (done.returncode, done.stderr) == (7, b"-----> One\n       two\n")
    assert asked == [HookRequest("pre-receive", None, ("detach", ""), "old new refs/heads/main\n")]


def test_proc_receive_speaks_git(server: HookServer) -> None:
    def answer(request: HookRequest, tell: Tell) -> int:
        assert request.body == "old new refs/heads/main"
        tell("ok refs/heads/main")
        return 0

    said = b"000fversion=1\x00\n0000001cold new refs/heads/main\n0000"
    with server.expect(answer) as environment:
        done = run(server, "proc-receive", said, environment)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"000eversion=1\n00000017ok refs/heads/main\n0000"


def test_a_wrong_nonce_gets_no_answer(server: HookServer) -> None:
    with server.expect(lambda request, tell: 0) as environment:
        done = run(server, "pre-receive", b"", {**environment, "LAAMBDA_HOOK_NONCE": "guessed"})

    assert done.returncode == 1
    assert b"The receiver went away" in done.stderr


def test_a_nonce_ends_with_its_push(server: HookServer) -> None:
    with server.expect(lambda request, tell: 0) as environment:
        pass

    assert run(server, "pre-receive", b"", environment).returncode == 1


def test_a_bug_in_an_answer_rejects_the_push(server: HookServer) -> None:
    def answer(request: HookRequest, tell: Tell) -> int:
        raise RuntimeError("bug")

    with server.expect(answer) as environment:
        assert run(server, "pre-receive", b"", environment).returncode == 1


def test_the_socket_lies_where_nobody_else_comes(server: HookServer) -> None:
    assert server.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(InvalidInput, match="open to other users"):
        HookServer(tmp_path)


def test_sockets_of_killed_receivers_are_swept(server: HookServer) -> None:
    folder = server.path.parent
    killed = HookServer(folder)
    killed._listener.close()
    HookServer(folder).stop()

    assert list(folder.iterdir()) == [server.path]


def test_a_socket_path_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="too long"):
        HookServer(tmp_path / ("x" * 120))


def test_lines_are_made_plain() -> None:
    assert list(plain_lines("\x1b[1;31mred\x1b[0m\tand\x07 \x1b]8;;http://x\x1b\\link")) == ["red\tand link"]
    assert list(plain_lines("one\r\ntwo")) == ["one", "two"]
    assert list(plain_lines("")) == [""]
