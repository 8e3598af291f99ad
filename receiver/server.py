"""The SSH server: accepts connections, bounds them, and hands their sessions on."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import paramiko

from laambda.dispatch.limits import FarmLimits
from laambda.errors import InvalidInput, LaambdaError
from laambda.ports import Services
from laambda.settings import Settings
from laambda.source.push import Desk
from laambda.source.tree import TreeLimits
from receiver.auth import Door, host_key
from receiver.git import Git, check_git, sweep, write_config
from receiver.hook import HookServer, install_hooks
from receiver.limits import Admission, Admitted, Limits
from receiver.session import Desks, Sessions
from receiver.transport import HardTransport, prepare_socket

_log = logging.getLogger(__name__)

_TICK = 1.0
_DAY = 86_400.0


@dataclass
class _Connection:
    """A transport with its count, and since when it has had no session."""

    transport: HardTransport
    admitted: Admitted
    since: float


class Receiver:
    """One receiver. ``start`` binds and returns at once; everything else happens in threads."""

    def __init__(
        self,
        services: Services,
        settings: Settings,
        farm: FarmLimits,
        *,
        limits: Limits | None = None,
        tree_limits: TreeLimits | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        check_git()
        self._services = services
        self._settings = settings
        self._farm = farm
        self._limits = limits or Limits()
        self._tree_limits = tree_limits or TreeLimits()
        self._path = environ.get("PATH", os.defpath)
        self._admission = Admission(self._limits)
        self._connections: set[int] = set()
        self._open: dict[int, _Connection] = {}
        self._stopping = threading.Event()
        self._hooks = HookServer(settings.run_dir)
        self._key = host_key(settings.home / "host_ed25519")
        self._listener: socket.socket | None = None

    def start(self) -> tuple[str, int]:
        """Listen; gives host and port (that of the settings, or a free one for 0). InvalidInput where it is taken."""
        self._listener = self._listen()
        host, port = self._listener.getsockname()[:2]
        self._sessions = Sessions(self._desks(port))
        self._hooks.start()
        for work in (self._accept, self._watch, self._warm_up):
            threading.Thread(target=work, name=f"receiver {work.__name__}", daemon=True).start()
        return host, port

    def stop(self) -> None:
        """Take no more connections and drop those there are. Builds go on: who pushes again joins them."""
        self._stopping.set()
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for connection in list(self._open.values()):
            _drop(connection.transport)
        self._hooks.stop()

    def _listen(self) -> socket.socket:
        wanted = (self._settings.host, self._settings.ssh_port)
        try:
            return socket.create_server(wanted, backlog=256)
        except OSError as error:
            self._hooks.stop()
            raise InvalidInput(
                f"can't listen on {wanted[0]}:{wanted[1]}: {error.strerror}", hint="Set LAAMBDA_SSH_PORT to a free port"
            ) from None

    def _desks(self, port: int) -> Desks:
        repositories = self._settings.repositories
        sweep(repositories, older_than=time.time() - _DAY)
        hooks = self._settings.home / "receiver" / "hooks"
        install_hooks(hooks)
        config = hooks.with_name("gitconfig")
        write_config(config, hooks, max_bytes=self._limits.pack_bytes)
        return Desks(
            desk=Desk(self._services, self._farm, self._settings.push_wait, repositories / ".work"),
            git=Git(config, self._path),
            hooks=self._hooks,
            repositories=repositories,
            limits=self._limits,
            tree_limits=self._tree_limits,
            address=f"ssh://git@{self._settings.public_host}:{port}",
        )

    def _accept(self) -> None:
        assert self._listener is not None  # noqa: S101 - start() has made it
        while not self._stopping.is_set():
            try:
                sock, peer = self._listener.accept()
            except OSError as error:
                if not self._stopping.is_set():
                    _log.warning("can't accept: %s", error)
                self._stopping.wait(0.2)
                continue
            try:
                self._welcome(sock, str(peer[0]))
            except (OSError, paramiko.SSHException, RuntimeError) as error:
                _log.warning("connection from %s dropped: %s", peer[0], error)
                sock.close()

    def _welcome(self, sock: socket.socket, address: str) -> None:
        """Count first: a connection too many costs no thread and no byte."""
        admitted = self._admission.admit(address)
        if admitted is None:
            sock.close()
            return
        try:
            prepare_socket(sock, self._limits)
            transport = HardTransport(sock, self._limits, on_end=lambda: self._ended(id(transport)))
            transport.add_server_key(self._key)
            door = Door(
                self._services.database,
                self._sessions.serve,
                sessions=self._limits.sessions,
                open_sessions=lambda: transport.open_sessions,
                proven=admitted.authenticated,
            )
            self._open[id(transport)] = _Connection(transport, admitted, time.monotonic())
            transport.start_server(server=door, event=threading.Event())
        except BaseException:
            admitted.close()
            raise

    def _ended(self, key: int) -> None:
        connection = self._open.pop(key, None)
        if connection is not None:
            connection.admitted.close()

    def _warm_up(self) -> None:
        """Clients of the object store are made on first use, which takes them most of a second: not in a push."""
        with suppress(LaambdaError):
            self._services.objects.exists("sources/none.tar")

    def _watch(self) -> None:
        """Once a second: end logins that take too long and connections that do nothing."""
        while not self._stopping.wait(_TICK):
            now = time.monotonic()
            for connection in list(self._open.values()):
                self._check(connection, now)

    def _check(self, connection: _Connection, now: float) -> None:
        transport = connection.transport
        if not transport.is_authenticated():
            if now - connection.since > self._limits.login:
                _drop(transport)
            return
        connection.admitted.authenticated()
        if transport.open_sessions:
            connection.since = now
        elif now - connection.since > self._limits.idle:
            _drop(transport)


def _drop(transport: HardTransport) -> None:
    """Cut the socket; the transport's own thread notices and cleans up."""
    with suppress(OSError):
        transport.sock.shutdown(socket.SHUT_RDWR)
