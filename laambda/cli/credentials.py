"""The file of API tokens: ``$XDG_CONFIG_HOME/laambda/config.toml`` (``~/.config``), readable by its owner alone.

api = "http://127.0.0.1:8080"        the address that commands use by default

[tokens]
"http://127.0.0.1:8080" = "lmb_..."  one token per address
"""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from laambda.errors import InvalidInput, NotAllowed

DEFAULT_API = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Tokens:
    """``api`` is the default address; ``by_url`` is kept out of ``repr``."""

    api: str = DEFAULT_API
    by_url: Mapping[str, str] = field(default_factory=dict, repr=False)

    def token(self, url: str) -> str:
        """The token for the API at ``url``; NotAllowed where none is kept."""
        if url.rstrip("/") not in self.by_url:
            raise NotAllowed(f"no token is kept for {url}", hint="Start a farm with `laambda up`, or set LAAMBDA_TOKEN")
        return self.by_url[url.rstrip("/")]


def tokens_path(environ: Mapping[str, str]) -> Path:
    """Where the file is, or will be."""
    home = Path(environ.get("HOME") or Path.home())
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "laambda" / "config.toml"


def read_tokens(environ: Mapping[str, str]) -> Tokens:
    """What the file holds; nothing where there is none. InvalidInput where it is broken or others can read it."""
    path = tokens_path(environ)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = tomllib.load(file)
    except FileNotFoundError:
        return Tokens()
    except (OSError, ValueError):
        raise InvalidInput(f"{path} can't be read as TOML", hint="Mend it or delete it") from None
    if mode & 0o077:
        raise InvalidInput(f"{path} can be read by others", hint=f"chmod 600 {path}")
    tokens = content.get("tokens", {})
    if not isinstance(tokens, dict) or not all(isinstance(token, str) for token in tokens.values()):
        raise InvalidInput(f"[tokens] in {path} is not a table of strings", hint="Mend it or delete it")
    return Tokens(str(content.get("api", DEFAULT_API)), tokens)


def stored_token(api_url: str, *, environ: Mapping[str, str] | None = None) -> str | None:
    """The token that the file keeps for ``api_url``, or None."""
    return read_tokens(os.environ if environ is None else environ).by_url.get(api_url.rstrip("/"))


def store_token(api_url: str, token: str, *, environ: Mapping[str, str] | None = None, default: bool = False) -> Path:
    """Keep ``token`` for ``api_url``, replacing the one before; gives the file's path.

    The address becomes the one that commands use where it is the first, or where ``default``.
    """
    url = api_url.rstrip("/")
    environ = os.environ if environ is None else environ
    path, known = tokens_path(environ), read_tokens(environ)
    api = url if default or not known.by_url else known.api
    lines = [f"{json.dumps(one)} = {json.dumps(secret)}" for one, secret in {**known.by_url, url: token}.items()]
    text = f"api = {json.dumps(api)}\n\n[tokens]\n" + "\n".join(lines) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=".config-", dir=path.parent)  # mode 0600
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).replace(path)
    return path
