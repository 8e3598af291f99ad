"""What a command works with: the environment it was started in, the API, and the app that is meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from laambda.client import Client


class Session:
    """One run of the command line. The client is made, and imported, when a command first needs it."""

    def __init__(self, environ: Mapping[str, str], client: Client | None = None) -> None:
        self.environ = environ
        self._client = client

    @property
    def client(self) -> Client:
        """LAAMBDA_API_URL and LAAMBDA_TOKEN win over the config file."""
        if self._client is None:
            from laambda.cli.credentials import read_tokens
            from laambda.client import Client

            tokens = read_tokens(self.environ)
            url = self.environ.get("LAAMBDA_API_URL") or tokens.api
            self._client = Client(url, self.environ.get("LAAMBDA_TOKEN") or tokens.token(url))
        return self._client

    def app(self, option: str | None, environment: str | None, remote: str | None) -> str:
        """``APP`` or ``APP@ENV``: from ``-a``, else LAAMBDA_APP, else the git remote; ``-e`` names the environment."""
        if option and remote:
            raise click.UsageError("-a and -r both name the app: give one of them")
        named = option or (None if remote else self.environ.get("LAAMBDA_APP")) or _of_remote(remote)
        app, _, own = named.partition("@")
        if environment and own and environment != own:
            raise click.UsageError(f"-e {environment} contradicts {named}")
        chosen = environment or own
        return f"{app}@{chosen}" if chosen else app

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


def _of_remote(remote: str | None) -> str:
    from laambda.cli.remotes import app_of_remotes, list_remotes

    return app_of_remotes(list_remotes(), remote)
