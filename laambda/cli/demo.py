"""``make demo``: the main job from end to end, on this machine, as its user would do it.

Everything is real: the farm of the Procfile, git over SSH, the build, the functions. It prints what a developer
types (after ``$``) and what comes back, and fails where anything is not as it says.
"""

from __future__ import annotations

import base64
import json
import os
import platform
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent.parent
SAMPLE = CHECKOUT / "tests" / "apps" / "thumbnails"
APP = "thumbnails"
ROLE = "arn:aws:iam::123456789012:role/thumbnails"
_BOLD, _DIM, _RED, _OFF = ("\033[1m", "\033[2m", "\033[31m", "\033[0m") if sys.stdout.isatty() else ("",) * 4


class DemoFailed(Exception):
    """Something was not as the demo says."""


def main() -> int:
    """Run the demo; 0 if all of it was true."""
    started = time.monotonic()
    home = Path(os.environ.get("LAAMBDA_HOME") or CHECKOUT / ".laambda").absolute() / "demo"
    shutil.rmtree(home / "work", ignore_errors=True)
    for folder in (home, home / "work"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with farm(home) as environment:
            Story(home / "work", environment).tell()
    except DemoFailed as failure:
        say(f"\n{_RED} !     {failure}{_OFF}")
        say(f"       The farm's own words are in {home / 'farm.log'}; the last of them:")
        for line in (home / "farm.log").read_text(errors="replace").splitlines()[-5:]:
            say(f"       {line}")
        return 1
    say(f"\n{_BOLD}All of it happened on this machine, in {time.monotonic() - started:.0f} s.{_OFF}")
    say("       make up       runs the same farm until Ctrl-C")
    return 0


class Story:
    """What a developer does on the first day."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.app = folder / APP
        self.environment = dict(environment)
        self.picture = folder / "event.json"

    def tell(self) -> None:
        """Create, push, call, change, break, roll back."""
        chapter("Create an app")
        self.laambda("apps:create", APP, "--role", ROLE, "--no-remote")
        self.write_app()
        chapter("Push it")
        self.git("push", "laambda", "main")
        chapter("Call its two functions with a real image")
        self.write_picture()
        before = self.call("create")
        self.call("resize")
        self.laambda("logs", "-a", APP, "-n", "8")
        chapter("Change a line, push again")
        self.change_a_line()
        self.git("push", "laambda", "main")
        after = self.call("create")
        expect(after != before, "the changed line is live")
        self.laambda("builds:info", "-a", APP)
        chapter("Push something broken")
        self.break_it()
        self.git("push", "laambda", "main", fails=True)
        expect(self.call("create", quiet=True) == after, "the live release is untouched by the refused push")
        chapter("Roll back")
        self.laambda("rollback", "-a", APP)
        expect(self.call("create") == before, "the old answer is back")
        chapter("What happened")
        self.laambda("releases", "-a", APP)

    def write_app(self) -> None:
        """The founding article's two functions, for this machine's Python and processor."""
        shutil.copytree(SAMPLE, self.app)
        (self.app / ".python-version").write_text(f"{sys.version_info.major}.{sys.version_info.minor}\n")
        architecture = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
        (self.app / "laambda.toml").write_text(f'architecture = "{architecture}"\n')
        self.run("cat", "Procfile", "requirements.txt")
        for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "Thumbnails")):
            self.git(*words)
        self.git("remote", "add", "laambda", self.environment["DEMO_REMOTE"])

    def change_a_line(self) -> None:
        """One line of code; the dependencies stay."""
        source = self.app / "CreateThumbnail.py"
        text = source.read_text()
        changed = text.replace("SIDE = 128", "SIDE = 64")
        expect(changed != text, "the sample has the line to change")
        source.write_text(changed)
        self.run("git", "diff", "--unified=0", "--", "CreateThumbnail.py")
        self.git("commit", "-q", "-a", "-m", "Smaller thumbnails")

    def break_it(self) -> None:
        """A Procfile that names a module which is not there."""
        procfile = self.app / "Procfile"
        procfile.write_text(procfile.read_text().replace("ResizeThumbnail.handler", "ResizeThumbnial.handler"))
        self.git("commit", "-q", "-a", "-m", "A typo in the Procfile")

    def write_picture(self) -> None:
        """A PNG of 640 x 480 pixels, made here."""
        self.picture.write_text(json.dumps({"image": base64.b64encode(png(640, 480)).decode()}))

    def call(self, process: str, *, quiet: bool = False) -> str:
        """Invoke a function; gives the answer's dimensions and prints the answer without the image's bytes."""
        words = ("laambda", "invoke", process, "-a", APP, "--event", str(self.picture))
        answer = json.loads(self.run(*words, shown=not quiet, echo=False))
        answer["image"] = f"{len(answer['image'])} characters of base64"
        if not quiet:
            say(json.dumps(answer))
        return f"{answer['width']}x{answer['height']}"

    def laambda(self, *words: str) -> str:
        return self.run("laambda", *words)

    def git(self, *words: str, fails: bool = False) -> str:
        return self.run("git", *words, fails=fails, shown=words[0] in ("push", "commit", "remote"))

    def run(self, *argv: str, fails: bool = False, shown: bool = True, echo: bool = True) -> str:
        """Run a command as typed; its output is printed as it comes, and given back."""
        if shown:
            say(f"{_DIM}${_OFF} {_BOLD}{' '.join(_shown(word) for word in argv)}{_OFF}")
        code, output = stream(argv, self.app if self.app.exists() else self.app.parent, self.environment, echo=echo)
        if bool(code) is not fails:
            raise DemoFailed(f"{argv[0]} {argv[1]} ended with code {code}" + ("" if echo else f": {output[-500:]}"))
        return output


@contextmanager
def farm(home: Path) -> Iterator[Mapping[str, str]]:
    """The farm of the Procfile on free ports, until the block ends; gives the developer's environment."""
    key = home / "work" / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "demo", "-f", key], check=True)
    ports = dict(zip(("SSH", "API", "FLOWER", "CLOUD"), free_ports(4), strict=True))
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LAAMBDA_HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        **{f"LAAMBDA_{name}_PORT": str(port) for name, port in ports.items()},
    }
    environment |= _git_environment(home, key, ports["SSH"])
    say(f"{_BOLD}Starting the farm: receiver, api, worker, scheduler, flower; a broker and a local cloud{_OFF}")
    with (home / "farm.log").open("w") as log:
        argv = [sys.executable, "-m", "laambda.cli", "up", "--key", f"{key}.pub"]
        supervisor = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        _wait_up(supervisor)
        environment["LAAMBDA_API_URL"] = f"http://127.0.0.1:{ports['API']}"
        environment["DEMO_REMOTE"] = f"ssh://git@127.0.0.1:{ports['SSH']}/{APP}.git"
        _forget_last_time(environment, home)
        yield environment
    finally:
        supervisor.send_signal(signal.SIGINT)
        supervisor.wait(20)


def _wait_up(supervisor: subprocess.Popen[str]) -> None:
    assert supervisor.stdout is not None  # noqa: S101 - PIPE was asked for
    for line in supervisor.stdout:
        if line.startswith(("       git remote", "       API", "       Flower")):
            say(line.rstrip())
        if "Ctrl-C" in line:
            return
    raise DemoFailed("the farm did not start")


def _forget_last_time(environment: Mapping[str, str], home: Path) -> None:
    """A second demo starts from nothing: the app of the first is destroyed."""
    words = ("laambda", "apps:destroy", APP, "--confirm", APP)
    stream(words, home, environment, echo=False)


def _git_environment(home: Path, key: Path, port: int) -> Mapping[str, str]:
    """git as a stranger to this machine: nobody's configuration, one key, the receiver's host key and no other."""
    known = home / "work" / "known_hosts"
    ssh = f"ssh -F /dev/null -i '{key}' -o IdentitiesOnly=yes -o UserKnownHostsFile='{known}'"
    return {
        "GIT_SSH_COMMAND": f"{ssh} -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR -p {port}",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Demo",
        "GIT_AUTHOR_EMAIL": "demo@example.com",
        "GIT_COMMITTER_NAME": "Demo",
        "GIT_COMMITTER_EMAIL": "demo@example.com",
    }


def stream(argv: Sequence[str], folder: Path, environment: Mapping[str, str], *, echo: bool) -> tuple[int, str]:
    """Run ``argv`` in ``folder``; gives exit code and output, printed as it comes where ``echo``."""
    kept = []
    with subprocess.Popen(
        argv, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        assert child.stdout is not None  # noqa: S101 - PIPE was asked for
        for line in child.stdout:
            kept.append(line)
            if echo:
                say(line.rstrip("\n"))
    return child.returncode, "".join(kept)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def png(width: int, height: int) -> bytes:
    """A real image without a library: an RGB gradient as PNG (RFC 2083)."""
    rows = b"".join(
        b"\0" + bytes(value for x in range(width) for value in (x % 256, y % 256, 128)) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def expect(truth: bool, what: str) -> None:
    """Say that ``what`` is so, or fail."""
    if not truth:
        raise DemoFailed(f"expected that {what}")
    say(f"       {what}")


def chapter(title: str) -> None:
    say(f"\n{_BOLD}== {title}{_OFF}")


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the demo's output


def _shown(word: str) -> str:
    return f"'{word}'" if " " in word else Path(word).name if word.startswith("/") else word


if __name__ == "__main__":
    sys.exit(main())
