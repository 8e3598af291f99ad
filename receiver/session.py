"""One session of an authenticated user: a push, a fetch, or a word of help.

Once git runs a push it is never killed: a client that goes away closes git's stdin and nothing else, its output is
drained to the end, so the build ends and the refs move. A fetch dies with its client.
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.channel import Channel

from laambda.domain.app import App
from laambda.domain.names import Scope
from laambda.domain.refs import RefUpdate
from laambda.errors import InvalidInput, LaambdaError, NotFound
from laambda.source.cache import mend, show_refs
from laambda.source.packs import consolidate
from laambda.source.push import Decision, Desk, Push, decide, refusal
from laambda.source.tree import TreeLimits
from receiver.command import GitCommand, parse_command
from receiver.git import CachedRepository, Git
from receiver.hints import Hints
from receiver.hook import HookRequest, HookServer, Tell
from receiver.limits import Limits
from receiver.pushed import QuarantinedObjects

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Desks:
    """What sessions work with: the use cases' desk, git, the hooks' socket and the folder of repositories."""

    desk: Desk
    git: Git
    hooks: HookServer
    repositories: Path
    limits: Limits
    tree_limits: TreeLimits
    address: str
    """How developers reach this receiver: ``ssh://git@HOST:PORT``."""


class Sessions:
    """Serves channels, each in a thread of its own."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks
        self._tidying = threading.Lock()

    def serve(self, channel: Channel, user: str, command: bytes | None, protocol: str | None) -> None:
        threading.Thread(
            target=self._serve, args=(channel, user, command, protocol), name=f"session of {user}", daemon=True
        ).start()

    def _serve(self, channel: Channel, user: str, command: bytes | None, protocol: str | None) -> None:
        channel.get_transport().accept(0.01)  # forget it there: nobody else takes it
        channel.settimeout(self._desks.limits.stalled)
        voice = _Voice(channel)
        code = 1
        try:
            code = self._answer(channel, voice, user, command, protocol)
        except LaambdaError as error:
            voice.lines(*refusal(error))
        except Exception:  # noqa: BLE001 - a bug ends this session with a line, not the receiver
            _log.exception("session of %s", user)
            voice.lines(" !     Internal error, it is in the receiver's log")
        finally:
            _end(channel, code)

    def _answer(self, channel: Channel, voice: _Voice, user: str, command: bytes | None, protocol: str | None) -> int:
        if command is None:
            voice.lines(
                f"Hi {user}, your key is known. There is no shell here, only git:",
                f"    git remote add laambda {self._desks.address}/APP.git",
                "    git push laambda main",
            )
            return 0
        wanted = parse_command(command)
        _log.info("%s of %s by %s", wanted.service, wanted.scope, user)
        app = self._app(wanted.scope)
        repository = CachedRepository(self._desks.repositories, app, self._desks.git)
        services = self._desks.desk.services
        mend(
            repository,
            app.scope,
            database=services.database,
            objects=services.objects,
            workspace=self._desks.desk.workspace,
        )
        extra = {"GIT_PROTOCOL": protocol} if protocol else {}
        if wanted.pushes:
            return self._push(channel, voice, user, wanted, repository, extra)
        process = self._desks.git.serve(wanted.service, repository.path, extra)
        return _Pipes(channel, process, drain=False, patient=lambda: False, overhear=lambda _: None).run()

    def _push(
        self,
        channel: Channel,
        voice: _Voice,
        user: str,
        wanted: GitCommand,
        repository: CachedRepository,
        extra: Mapping[str, str],
    ) -> int:
        hooks = PushHooks(wanted.scope, user, repository, self._desks)
        with ExitStack() as stack:
            found = stack.enter_context(self._desks.hooks.expect(hooks))
            process = self._desks.git.serve(wanted.service, repository.path, {**extra, **found})
            code = _Pipes(channel, process, drain=True, patient=lambda: hooks.started, overhear=hooks.overhear).run()
        voice.lines(*hooks.hints.lines())
        if hooks.started:
            threading.Thread(target=self._tidy, args=(repository, wanted.scope), name="tidy", daemon=True).start()
        return code

    def _tidy(self, repository: CachedRepository, scope: Scope) -> None:
        """Consolidate an app's packs where there are many; one app at a time, and whoever comes meanwhile comes again
        with its next push."""
        if not self._tidying.acquire(blocking=False):
            return
        desk = self._desks.desk
        try:
            if consolidate(
                repository,
                scope,
                database=desk.services.database,
                objects=desk.services.objects,
                workspace=desk.workspace,
                enough=self._desks.limits.packs,
            ):
                _log.info("packs of %s consolidated", scope)
        except (LaambdaError, OSError) as error:
            _log.warning("packs of %s not consolidated: %s", scope, error)
        finally:
            self._tidying.release()

    def _app(self, scope: Scope) -> App:
        try:
            with self._desks.desk.services.database.read() as tx:
                return tx.apps.get(scope)
        except NotFound:
            raise InvalidInput(
                f"there is no app {scope}", hint=f"Make it with: laambda apps:create {scope.app}"
            ) from None


class PushHooks:
    """Answers git's hooks for one push."""

    def __init__(self, scope: Scope, user: str, repository: CachedRepository, desks: Desks) -> None:
        self._scope = scope
        self._user = user
        self._repository = repository
        self._desks = desks
        self._decision = Decision(accepted=False)
        self.started = False
        self.hints = Hints()

    def overhear(self, said: bytes) -> None:
        """What git tells the client; from the first hook on, most of it is the build's."""
        if not self.started:
            self.hints.listen(said)

    def __call__(self, request: HookRequest, tell: Tell) -> int:
        updates = _read_updates(request.body)
        if request.kind == "pre-receive":
            self.started = True
            return self._pre_receive(request, updates, tell)
        return self._proc_receive(updates, tell)

    def _pre_receive(self, request: HookRequest, updates: tuple[RefUpdate, ...], tell: Tell) -> int:
        push = Push(self._scope, self._user, updates, request.options)
        try:
            pushed = QuarantinedObjects(
                self._desks.git, self._repository.path, request.quarantine, self._desks.tree_limits
            )
            self._decision = decide(push, pushed, self._desks.desk, tell)
        except LaambdaError as error:
            for line in refusal(error):
                tell(line)
        return 0 if self._decision.accepted else 1

    def _proc_receive(self, updates: tuple[RefUpdate, ...], tell: Tell) -> int:
        """The rows have moved and git has taken the objects over: show both. What can't be shown now, the next
        connection mends, so it is no reason to call a live release a failure."""
        try:
            if self._decision.pack is not None:
                self._repository.keep_pack(self._decision.pack)
            show_refs(self._repository, self._scope, database=self._desks.desk.services.database)
        except (LaambdaError, OSError) as error:
            _log.warning("cache of %s not mended: %s", self._scope, error)
        for update in updates:
            moved = self._decision.accepted and update.name not in self._decision.left
            tell(f"ok {update.name}" if moved else f"ng {update.name} the ref did not move")
        return 0


def _read_updates(body: str) -> tuple[RefUpdate, ...]:
    lines = (line.split(" ", 2) for line in body.splitlines())
    return tuple(RefUpdate(name, old, new) for old, new, name in lines)


class _Voice:
    """Speaks to a client's stderr; silent once it has gone."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def lines(self, *lines: str) -> None:
        self.send("".join(f"{line}\n" for line in lines).encode())

    def send(self, text: bytes) -> None:
        try:
            self._channel.sendall_stderr(text)
        except (OSError, EOFError, paramiko.SSHException):
            _log.debug("client gone")


class _Pipes:
    """Moves bytes between a channel and a git process: three pumps, all drained before the process is waited for."""

    def __init__(
        self,
        channel: Channel,
        process: subprocess.Popen[bytes],
        *,
        drain: bool,
        patient: Callable[[], bool],
        overhear: Callable[[bytes], None],
    ) -> None:
        """``drain``: read on when the client is gone. ``patient()``: silence of the client is no reason to stop.
        ``overhear`` gets whatever git says."""
        self._channel = channel
        self._process = process
        self._drain = drain
        self._patient = patient
        self._overhear = overhear

    def run(self) -> int:
        """Until git has ended; gives its exit status as a shell would."""
        assert self._process.stdin and self._process.stdout and self._process.stderr  # noqa: S101, PT018 - pipes
        threading.Thread(target=self._in, args=(self._process.stdin.fileno(),), daemon=True).start()
        errors = threading.Thread(
            target=self._out, args=(self._process.stderr.fileno(), self._channel.sendall_stderr), daemon=True
        )
        errors.start()
        self._out(self._process.stdout.fileno(), self._channel.sendall)
        self._process.stdout.close()
        errors.join()
        self._process.stderr.close()
        code = self._process.wait()
        return code if code >= 0 else 128 - code

    def _in(self, git: int) -> None:
        try:
            while data := self._receive():
                while data:
                    data = data[os.write(git, data) :]
        except OSError:
            _log.debug("git reads no more")
        finally:
            self._process.stdin.close()  # type: ignore[union-attr]

    def _receive(self) -> bytes:
        """The client's next bytes; empty at its end, its loss, or when it has been silent for too long."""
        while True:
            try:
                return bytes(self._channel.recv(1 << 18))
            except TimeoutError:
                if not self._patient():
                    return b""

    def _out(self, git: int, send: Callable[[bytes], object]) -> None:
        connected = True
        while data := os.read(git, 1 << 16):
            self._overhear(data)
            if not connected:
                continue
            try:
                send(data)
            except (OSError, EOFError, paramiko.SSHException):
                connected = False
                if not self._drain:
                    return


def _end(channel: Channel, code: int) -> None:
    """The exit status goes before the close, or the client sees none."""
    try:
        channel.send_exit_status(code)
        channel.close()
    except (OSError, EOFError, paramiko.SSHException):
        _log.debug("client gone")
