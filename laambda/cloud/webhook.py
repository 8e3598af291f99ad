"""Tells a web address that a build failed: Slack's incoming webhooks, or whatever takes a JSON document.

The address is a secret, since whoever knows it may post there: it is in no message and no log. A build has ended
before anybody is told, so nothing here waits, raises or is tried again.
"""

from __future__ import annotations

import json
import logging
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from typing import Any

from laambda.domain.build import Build
from laambda.errors import InvalidInput

_log = logging.getLogger(__name__)

TIMEOUT = 3.0
_AT_ONCE = 4
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_TEXT_LIMIT = 500


class Webhook:
    """Implements ``ports.Notifier`` by a POST in a thread of its own; what comes while four are under way is lost."""

    def __init__(self, url: str) -> None:
        """InvalidInput unless ``url`` is https, or http on this machine."""
        self._url = url
        self._opener = urllib.request.build_opener(_NoRedirects(), *_proxies(url))
        self._free = threading.Semaphore(_AT_ONCE)

    def build_failed(self, build: Build) -> None:
        if not self._free.acquire(blocking=False):
            _log.warning("nobody is told of build %d: the webhook is slow", build.id)
            return
        body = json.dumps(document(build)).encode()
        try:
            threading.Thread(target=self._post, args=(build.id, body), name="webhook", daemon=True).start()
        except RuntimeError as error:  # no thread to be had
            self._free.release()
            _log.warning("nobody is told of build %d: %s", build.id, error)

    def _post(self, build_id: int, body: bytes) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": "laambda"}
        try:
            request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 - checked above
            self._opener.open(request, timeout=TIMEOUT).close()
        except urllib.error.HTTPError as error:
            _log.warning("nobody is told of build %d: the webhook answered %d", build_id, error.code)
            error.close()
        except (OSError, HTTPException, ValueError) as error:
            _log.warning("nobody is told of build %d: %s", build_id, type(error).__name__)
        finally:
            self._free.release()


def document(build: Build) -> dict[str, Any]:
    """``text`` is what Slack shows; programs read the rest."""
    commit = f" of {build.commit[:7]}" if build.commit else ""
    text = f"{build.scope}: build {build.id}{commit} by {build.actor} {build.state}: {build.error}"
    return {
        "text": _escaped(text[:_TEXT_LIMIT]),
        "app": build.scope.app,
        "environment": build.scope.environment,
        "build": build.id,
        "kind": str(build.kind),
        "state": str(build.state),
        "error": build.error,
        "actor": build.actor,
        "commit": build.commit,
    }


def _escaped(text: str) -> str:
    """No links and no mentions: https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an error: it could lead anywhere."""

    def redirect_request(self, *_: object) -> None:
        return None


def _proxies(url: str) -> tuple[urllib.request.BaseHandler, ...]:
    """The environment's proxy, but none for this machine; InvalidInput for an address that may not be used."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is not None and parts.scheme == "https":
        return ()
    if host in _LOOPBACK and parts.scheme == "http":
        return (urllib.request.ProxyHandler({}),)
    raise InvalidInput(
        "LAAMBDA_FAILURE_WEBHOOK is not a web address that can be trusted",
        hint="Set it to an https:// address, or http:// on this machine",
    )
