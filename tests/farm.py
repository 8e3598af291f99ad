"""A whole farm for tests and benchmarks, and what its users do: real processes, real git over SSH, real functions."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from laambda.cli.credentials import stored_token
from laambda.client import Client
from laambda.lifeline import die_with_parent
from tests.processes import children, command, descendants, wait_for, wait_gone, with_environment

FLOWER_LOGIN = "test:test"
ROLE = "arn:aws:iam::123456789012:role/test"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
_KEPT = ("PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy", "no_proxy")
_KEPT_UPPER = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_SYSTEM_CERTS")


@dataclass(frozen=True)
class Result:
    """What a command gave: its exit code and all it printed, ``remote: `` taken off."""

    code: int
    output: str

    @property
    def lines(self) -> list[str]:
        return [line.removeprefix("remote: ").rstrip() for line in self.output.splitlines()]

    def has(self, words: str) -> bool:
        """Whether a line contains ``words``."""
        return any(words in line for line in self.lines)


@dataclass
class Farm:
    """A farm in a folder of its own. ``settings`` are LAAMBDA_ and other variables that it runs with; ``procfile`` is
    for processes other than the product's."""

    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    procfile: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    _clients: dict[int, Client] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = dict(zip(("SSH", "API", "FLOWER", "CLOUD"), free_ports(4), strict=True))
        for folder in ("user", "work", "state"):
            (self.home / folder).mkdir(exist_ok=True)
        self.key = self.make_key("id_ed25519")
        kept = {name: os.environ[name] for name in (*_KEPT, *_KEPT_UPPER) if name in os.environ}
        self.environment = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.home / "user"),
            "XDG_CONFIG_HOME": str(self.home / "user" / "config"),
            "LAAMBDA_HOME": str(self.home / "state"),
            "LAAMBDA_RUN_DIR": str(self.home / "run"),
            **{f"LAAMBDA_{name}_PORT": str(port) for name, port in self.ports.items()},
            "FLOWER_BASIC_AUTH": FLOWER_LOGIN,
            **self.settings,
        }
        self.user = self.environment | {"LAAMBDA_API_URL": self.api_url} | self._git_environment(self.key)

    # ------------------------------------------------------------ the farm itself

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['API']}"

    @property
    def log(self) -> str:
        """All that the farm's processes said so far."""
        return (self.home / "farm.log").read_text(errors="replace")

    def start(self) -> None:
        """Run ``laambda up`` until it says that everything answers."""
        said_before = self.log.count("laambda is up") if (self.home / "farm.log").exists() else 0
        with (self.home / "farm.log").open("ab") as log:
            argv = [sys.executable, "-m", "laambda.cli", "up", "--key", f"{self.key}.pub"]
            argv += ["--procfile", str(self.procfile)] if self.procfile else []
            self.process = subprocess.Popen(
                argv,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - an interrupted run leaves no farm behind
            )
        wait_for(lambda: self._is_up(said_before), "laambda up", timeout=90)

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        for client in self._clients.values():
            client.close()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def kill(self) -> None:
        """End ``laambda up`` as a crash does, and nothing else."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def processes(self) -> list[int]:
        """Every process of this farm, functions' children included."""
        assert self.process is not None
        mine = {self.process.pid, *descendants(self.process.pid)}
        return sorted(mine | set(with_environment(f"LAAMBDA_HOME={self.home / 'state'}")))

    def pid(self, name: str) -> int:
        """The process that the supervisor runs as ``name`` of the Procfile, ``broker`` or ``cloud``."""
        assert self.process is not None
        found = [pid for pid in children(self.process.pid) if _runs(name, command(pid))]
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def wait_for_process(self, name: str, *, other_than: int) -> int:
        """Wait until the supervisor has started ``name`` again."""
        return wait_for(lambda: self._other(name, other_than), f"{name} to be started again")

    # ------------------------------------------------------------ its users

    @property
    def client(self) -> Client:
        """The API as its admin: one client a thread, which starts each time with a new connection."""
        thread = threading.get_ident()
        if thread not in self._clients:
            token = stored_token(self.api_url, environ=self.environment)
            assert token is not None
            self._clients[thread] = Client(self.api_url, token)
        self._clients[thread].close()
        return self._clients[thread]

    def laambda(self, *words: str, stdin: str = "") -> Result:
        """Run a command of the command line."""
        return self.run(sys.executable, "-m", "laambda.cli", *words, stdin=stdin)

    def run(self, *argv: str, folder: Path | None = None, stdin: str = "", key: Path | None = None) -> Result:
        """Run any command as the user; ``key`` is the SSH key that git uses."""
        environment = self.user if key is None else self.user | self._git_environment(key)
        done = subprocess.run(
            argv,
            cwd=folder or self.home / "work",
            env=environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=100,
            check=False,
        )
        return Result(done.returncode, done.stdout)

    def make_key(self, name: str) -> Path:
        """A new SSH key; the public one is beside it."""
        path = self.home / name
        if not path.exists():
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name}@test", "-f", path], check=True
            )
        return path

    def git_url(self, app: str) -> str:
        return f"ssh://git@127.0.0.1:{self.ports['SSH']}/{app}.git"

    def app(self, name: str) -> App:
        """Create an app, with an empty working copy whose remote it is."""
        self.client.create_app(name, ROLE)
        return App.new(self, name)

    def flower(self, path: str) -> Any:
        """What Flower's API answers, which it does only with a password."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports['FLOWER']}{path}")
        request.add_header("Authorization", f"Basic {b64encode(FLOWER_LOGIN.encode()).decode()}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def _is_up(self, said_before: int) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"laambda up ended with code {self.process.returncode}:\n{self.log[-4000:]}"
        return self.log.count("laambda is up") > said_before

    def _other(self, name: str, pid: int) -> int | None:
        assert self.process is not None
        found = [child for child in children(self.process.pid) if _runs(name, command(child))]
        return found[0] if found and found[0] != pid else None

    def _git_environment(self, key: Path) -> dict[str, str]:
        """git as a stranger to this machine: nobody's configuration, one key, whatever host key there is."""
        known = self.home / "known_hosts"
        ssh = f"ssh -F /dev/null -i {key} -o IdentitiesOnly=yes -o UserKnownHostsFile={known} -o BatchMode=yes"
        return {
            "GIT_SSH_COMMAND": f"{ssh} -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Test",
            "GIT_AUTHOR_EMAIL": "test@example.com",
            "GIT_COMMITTER_NAME": "Test",
            "GIT_COMMITTER_EMAIL": "test@example.com",
        }


@dataclass(frozen=True)
class App:
    """An app and a developer's working copy of it."""

    farm: Farm
    name: str
    folder: Path

    @classmethod
    def new(cls, farm: Farm, name: str) -> App:
        """An empty working copy with the remote ``laambda``."""
        app = cls(farm, name, farm.home / "work" / name)
        app.folder.mkdir()
        app.git("init", "-q", "-b", "main")
        app.git("remote", "add", "laambda", farm.git_url(name))
        return app

    def git(self, *words: str, key: Path | None = None) -> Result:
        return self.farm.run("git", *words, folder=self.folder, key=key)

    def commit(self, files: Mapping[str, str | None], message: str = "Change") -> str:
        """Write ``files`` (None deletes one) and commit everything; gives the commit's id."""
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        done = self.git("commit", "-q", "--allow-empty", "-m", message)
        assert done.code == 0, done.output
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD").output.strip()

    def push(self, *words: str, key: Path | None = None) -> Result:
        """``git push laambda main``, or with ``words`` after the remote's name."""
        return self.git("push", "laambda", *(words or ("main",)), key=key)

    def release(self, files: Mapping[str, str | None], message: str = "Change") -> Result:
        """Commit ``files`` and push them; fails where that is not released."""
        self.commit(files, message)
        pushed = self.push()
        assert pushed.code == 0, pushed.output
        return pushed

    def invoke(self, process: str = "web", event: object = None) -> Any:
        """The function's answer; fails where it raised."""
        answer = self.farm.client.invoke(self.name, process, json.dumps(event or {}).encode())
        assert not answer["error"], answer["payload"]
        return json.loads(answer["payload"])

    @property
    def live(self) -> int:
        """vN that serves, 0 for none."""
        return self.farm.client.app(self.name)["live"]

    @property
    def releases(self) -> list[tuple[int, str, str]]:
        """Version, state and description of each release, the oldest first."""
        found = self.farm.client.releases(self.name)
        return [(each["version"], each["state"], each["description"]) for each in reversed(found)]


def tiny(answer: str = "one", **more: str) -> dict[str, str]:
    """The files of an app without dependencies whose function ``web`` says ``answer`` and the config var MODE."""
    return {
        "Procfile": "web: app.handler\n",
        ".python-version": f"{PYTHON}\n",
        "laambda.toml": f'architecture = "{ARCHITECTURE}"\n',
        "app.py": (
            "import os\n\n\ndef handler(event, context):\n"
            f"    return {{'answer': {answer!r}, 'mode': os.environ.get('MODE')}}\n"
        ),
        **more,
    }


@contextmanager
def running_farm(procfile: Path | None = None, /, **settings: str) -> Iterator[Farm]:
    """A farm in a short temporary folder (unix sockets take 107 bytes), gone with all it made when the block ends."""
    home = Path(tempfile.mkdtemp(prefix="lf", dir="/tmp"))
    farm = Farm(home, settings, procfile)
    try:
        farm.start()
        yield farm
    finally:
        farm.stop()
        left = wait_gone(with_environment(f"LAAMBDA_HOME={home / 'state'}"), 10)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        if keep := os.environ.get("LAAMBDA_TEST_LOGS"):
            shutil.copy(home / "farm.log", Path(keep) / f"{home.name}.log")
        shutil.rmtree(home, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


_WORDS = {
    "receiver": " -m receiver",
    "api": " -m laambda.api",
    "worker": " -m workers",
    "scheduler": " -m workers.schedule",
    "flower": " -m workers.flower",
    "broker": "-server",
    "cloud": " -m laambda.localcloud",
}


def _runs(name: str, words: str) -> bool:
    """Whether a process with this command line is the farm's ``name``."""
    return f"{words} ".partition(_WORDS[name])[2].startswith(" ")
