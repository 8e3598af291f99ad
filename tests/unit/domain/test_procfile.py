from __future__ import annotations

import pytest

from laambda.domain.procfile import MAX_BYTES, Process, missing, parse
from laambda.errors import BuildFailed


def test_the_founding_articles_procfile_is_read() -> None:
    found = parse(b"create: CreateThumbnail.handler\nresize: ResizeThumbnail.handler\n")
    assert found.processes == (
        Process("create", "CreateThumbnail.handler", 1),
        Process("resize", "ResizeThumbnail.handler", 2),
    )


def test_comments_blank_lines_and_windows_line_ends_are_fine() -> None:
    found = parse(b"\xef\xbb\xbf# functions\r\n\r\nweb:   app.handler  \r\n")
    assert found.processes == (Process("web", "app.handler", 3),)


@pytest.mark.parametrize(
    ("handler", "module"),
    [("app.handler", "app"), ("pkg.app.handler", "pkg/app"), ("pkg/app.handler", "pkg/app")],
)
def test_a_handler_names_a_module_as_lambda_does(handler: str, module: str) -> None:
    assert parse(f"web: {handler}").processes[0].module == module


@pytest.mark.parametrize(
    "handler", ["", "app", "app.", ".handler", "a b.c", "app.handler()", "../app.handler", "a./b", "1.x"]
)
def test_what_is_not_a_handler_is_refused_with_its_line(handler: str) -> None:
    with pytest.raises(BuildFailed, match=r"^Procfile line 2: .* is not a handler"):
        parse(f"\nweb: {handler}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Procfile names no function"),
        ("# nothing\n", "Procfile names no function"),
        ("web app.handler", "Procfile line 1: 'web app.handler' has no colon"),
        ("we b: app.handler", "Procfile line 1: 'we b' is not a process name"),
        ("web: a.b\n\nweb: c.d", "Procfile line 3: 'web' is already on line 1"),
        ("web: " + "a" * 130 + ".b", "Procfile line 1: the handler is longer than 128 characters"),
        ("a: b.c\n" * MAX_BYTES, "Procfile is larger than 64 KB"),
        ("\n".join(f"p{n}: a.b" for n in range(201)), "Procfile names 201 functions, at most 200 are allowed"),
    ],
)
def test_every_error_says_what_and_where(text: str, message: str) -> None:
    with pytest.raises(BuildFailed) as caught:
        parse(text)
    assert caught.value.message == message


def test_bytes_that_are_not_text_are_refused_with_their_line() -> None:
    with pytest.raises(BuildFailed, match="line 2 is not UTF-8"):
        parse(b"web: app.handler\n\xff: b.c\n")


@pytest.mark.parametrize(
    ("files", "command"),
    [
        (["app.py", "README"], "echo 'web: app.handler' > Procfile"),
        (["lambda_function.py"], "echo 'web: lambda_function.lambda_handler' > Procfile"),
    ],
)
def test_without_a_procfile_a_usual_handler_is_suggested(files: list[str], command: str) -> None:
    assert command in missing(files).hint


def test_without_a_procfile_and_a_usual_handler_the_form_is_told() -> None:
    assert "create: CreateThumbnail.handler" in missing(["x.py"]).hint
