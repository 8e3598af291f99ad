"""The Procfile: which functions an app has. One zip, many functions.

Each line is ``name: module.function``. Every error names the file and the line, since that is all a developer
sees of a refused push.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from laambda.domain.names import check_process_name
from laambda.errors import BuildFailed, InvalidInput

PROCFILE = "Procfile"
MAX_BYTES = 64 * 1024
MAX_PROCESSES = 200
HANDLER_LIMIT = 128
"""Characters. https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html (Handler)."""

_HANDLER = re.compile(r"(?:[A-Za-z_]\w*[./])+[A-Za-z_]\w*", re.ASCII)
_USUAL_MODULES = ("app", "function", "lambda_function", "main")
_USUAL_FUNCTIONS = ("handler", "lambda_handler")
_FORM = "Write one line a function, such as `create: CreateThumbnail.handler`"


@dataclass(frozen=True)
class Process:
    """A process type: ``handler`` is ``module.function``, ``line`` its place in the file, from 1."""

    name: str
    handler: str
    line: int

    @property
    def module(self) -> str:
        """Path of the handler's module without a suffix, ``pkg/module``: Lambda takes ``.`` and ``/`` alike."""
        return self.handler.rpartition(".")[0].replace(".", "/")


@dataclass(frozen=True)
class Procfile:
    """The process types of an app, in the order of the file."""

    processes: tuple[Process, ...]


def parse(content: bytes | str, *, name: str = PROCFILE) -> Procfile:
    """Read a Procfile; raises BuildFailed naming ``name`` and the line."""
    if len(content) > MAX_BYTES:
        raise BuildFailed(f"{name} is larger than {MAX_BYTES // 1024} KB", hint=_FORM)
    text = content if isinstance(content, str) else _decode(content, name)
    processes: dict[str, Process] = {}
    for number, line in _entries(text):
        process = _process(line, number, name)
        if earlier := processes.get(process.name):
            raise BuildFailed(
                f"{name} line {number}: {process.name!r} is already on line {earlier.line}",
                hint="Give each function a name of its own",
            )
        processes[process.name] = process
    if not processes:
        raise BuildFailed(f"{name} names no function", hint=_FORM)
    if len(processes) > MAX_PROCESSES:
        raise BuildFailed(
            f"{name} names {len(processes)} functions, at most {MAX_PROCESSES} are allowed",
            hint="Split the app into several",
        )
    return Procfile(tuple(processes.values()))


def missing(files: Iterable[str]) -> BuildFailed:
    """The error for a tree without a Procfile, with a suggestion where a usual handler's file is in ``files``."""
    there = set(files)
    module = next((name for name in _USUAL_MODULES if f"{name}.py" in there), None)
    if module is None:
        return BuildFailed(f"There is no {PROCFILE}", hint=f"{_FORM}, in a file named {PROCFILE} at the root")
    function = _USUAL_FUNCTIONS[1] if module == "lambda_function" else _USUAL_FUNCTIONS[0]
    return BuildFailed(
        f"There is no {PROCFILE}",
        hint=f"If {module}.py holds your handler: echo 'web: {module}.{function}' > {PROCFILE}, then commit it",
    )


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BuildFailed(f"{name} line {line} is not UTF-8", hint="Save the file as UTF-8") from None


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines that say something."""
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if line and not line.startswith("#"):
            yield number, line


def _process(line: str, number: int, name: str) -> Process:
    process, colon, handler = (part.strip() for part in line.partition(":"))
    where = f"{name} line {number}"
    if not colon:
        raise BuildFailed(f"{where}: {line[:60]!r} has no colon", hint=_FORM)
    try:
        check_process_name(process)
    except InvalidInput as error:
        raise BuildFailed(f"{where}: {error.message}", hint=error.hint) from None
    if not _HANDLER.fullmatch(handler) or "/" in handler.rpartition(".")[2] or "." not in handler:
        raise BuildFailed(
            f"{where}: {handler[:60]!r} is not a handler",
            hint=f"Write module.function, such as `{process}: app.handler` for handler() in app.py",
        )
    if len(handler) > HANDLER_LIMIT:
        raise BuildFailed(f"{where}: the handler is longer than {HANDLER_LIMIT} characters", hint="Use a shorter path")
    return Process(process, handler, number)
