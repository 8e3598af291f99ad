"""Running functions, and reading what they wrote."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import click

from laambda.cli.options import for_app, json_option
from laambda.cli.render import visible, warn
from laambda.cli.session import Session
from laambda.client import Client, InvocationJson, LogLineJson
from laambda.errors import InvalidInput

_EVENT_LIMIT = 6 * 1024 * 1024
_PAGE = 1000
_OVERLAP = timedelta(seconds=10)
_POLL = 1.0
_EVER = datetime.min.replace(tzinfo=UTC)


class EventFile(click.File):
    """A file's name, and a word for whoever gives the event itself."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
            self.fail("this is JSON, not a file's name: pipe it into `laambda invoke PROCESS --event -`", param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@click.argument("process")
@for_app
@click.option("--event", metavar="FILE", type=EventFile("rb"), help="The event as JSON; - reads stdin. Else {}.")
@click.option("--logs", "with_logs", is_flag=True, help="Print the invocation's last log lines to stderr.")
def invoke(session: Session, app: str, process: str, event: BinaryIO | None, with_logs: bool) -> None:
    """Call the function of PROCESS and print its answer; exit code 1 where it failed."""
    body = event.read(_EVENT_LIMIT + 1) if event else b"{}"
    _check_event(body)
    answer = session.client.invoke(app, process, body)
    if with_logs:
        for line in answer["log_tail"].splitlines():
            click.echo(visible(line), err=True)
    click.echo(answer["payload"])
    if answer["error"]:
        warn(f"{process} of {app} failed: {_reason(answer)}")
        click.get_current_context().exit(1)


@click.command()
@for_app
@click.option("-n", "--number", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many lines.")
@click.option("-p", "--process", metavar="NAME", help="Lines of this process alone.")
@click.option("-t", "--tail", is_flag=True, help="Go on with new lines until Ctrl-C.")
@json_option
def logs(session: Session, app: str, number: int, process: str | None, tail: bool, as_json: bool) -> None:
    """Print what an app's functions wrote, all of them by time. JSON is one object a line."""
    lines = session.client.logs(app, limit=max(number, _PAGE) if tail else number, process=process)
    for line in lines[-number:]:
        _echo(line, as_json)
    if tail:
        for line in following(session.client, app, process, lines):
            _echo(line, as_json)


def following(
    client: Client,
    app: str,
    process: str | None,
    seen: list[LogLineJson],
    wait: Callable[[], None] = lambda: time.sleep(_POLL),
) -> Iterator[LogLineJson]:
    """New lines for ever, with a ``wait`` where there are no more for now.

    ``seen`` are the last lines, all of them or a page at least. Asks again from some seconds before the newest line,
    since lines may arrive out of order, and goes by the lines' own times: this machine's clock may differ.
    """
    known = {line["id"]: _moment(line) for line in seen}
    oldest = _moment(seen[0]) if len(seen) >= _PAGE else _EVER  # lines before it were not asked for
    since = max(_moment(seen[-1]) - _OVERLAP, oldest) if seen else None
    while True:
        page = client.logs(app, limit=_PAGE, process=process, since=since.isoformat() if since else None)
        yield from (line for line in page if line["id"] not in known)
        full = len(page) == _PAGE
        if page:
            if full and since is None:
                oldest = _moment(page[0])
            newest = _moment(page[-1])
            again = max(newest - _OVERLAP, oldest)
            known |= {line["id"]: _moment(line) for line in page}
            known = {name: at for name, at in known.items() if at >= again}
            since = newest if full else again
        if not full:
            wait()


def _check_event(body: bytes) -> None:
    """Raise InvalidInput for what Lambda would refuse; nothing at all is the event {}."""
    if len(body) > _EVENT_LIMIT:
        raise InvalidInput(f"the event is larger than the {_EVENT_LIMIT} bytes that Lambda takes")
    try:
        json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the event is not JSON: {error}") from None


def _reason(answer: InvocationJson) -> str:
    """``ValueError: no such picture``, where the answer is Lambda's error object; else what Lambda calls it.

    https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    """
    try:
        told = json.loads(answer["payload"])
        words = [str(told[name]) for name in ("errorType", "errorMessage") if told.get(name)]
    except (ValueError, AttributeError):
        words = []
    return visible(": ".join(words) or answer["error"])[:500]


def _moment(line: LogLineJson) -> datetime:
    return datetime.fromisoformat(line["at"])


def _echo(line: LogLineJson, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(line, ensure_ascii=False))
    else:
        at = _moment(line).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for part in line["message"].splitlines() or [""]:  # Python's runtime sends a traceback as one message
            click.echo(f"{at} {click.style(line['process'], fg='cyan')}: {visible(part)}")
    sys.stdout.flush()
