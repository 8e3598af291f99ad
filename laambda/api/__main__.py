"""``python -m laambda.api``: the API as a process of the farm."""

from __future__ import annotations

import socket

import uvicorn

from laambda import bootstrap
from laambda.api.application import make_app
from laambda.api.caller import Farm
from laambda.domain.app import Target


class _Server(uvicorn.Server):
    """Says where it listens once it does: whoever started us waits for that line."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"api listening on http://{self.config.host}:{_port(self)}", flush=True)  # noqa: T201


def main() -> None:
    """Serve until SIGINT or SIGTERM; open streams are cut after a second, their clients can ask again."""
    bootstrap.log_to_stderr()
    settings = bootstrap.settings()
    farm = Farm(
        services=bootstrap.services(settings),
        limits=bootstrap.limits(settings),
        git_address=f"ssh://git@{settings.public_host}:{settings.ssh_port}",
    )
    bootstrap.warm_up(lambda: farm.services.cloud(Target()).invoker.invoke("warm-up", b""))
    config = uvicorn.Config(
        make_app(farm),
        host=settings.host,
        port=settings.api_port,
        log_config=None,
        log_level="warning",
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=1,
    )
    _Server(config).run()


def _port(server: uvicorn.Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


if __name__ == "__main__":
    main()
