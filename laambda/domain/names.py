"""What names may look like, and the key under which everything is kept: an app in an environment."""

from __future__ import annotations

import re
from dataclasses import dataclass

from laambda.errors import InvalidInput

DEFAULT_ENVIRONMENT = "production"
_APP = re.compile(r"[a-z][a-z0-9-]{0,29}")
_PROCESS = re.compile(r"[A-Za-z0-9_-]{1,63}")
_CONFIG = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,254}")

FUNCTION_NAME_LIMIT = 64
"""Characters. https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html (FunctionName)."""


@dataclass(frozen=True, order=True)
class Scope:
    """An app in one environment: the key of rows, refs, configuration, releases and function names."""

    app: str
    environment: str = DEFAULT_ENVIRONMENT

    def __str__(self) -> str:
        return self.app if self.environment == DEFAULT_ENVIRONMENT else f"{self.app}@{self.environment}"

    @property
    def owner_tag(self) -> str:
        """Value of the ``laambda:app`` tag that marks a function as ours."""
        return f"{self.app}/{self.environment}"

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Read ``APP`` or ``APP@ENV``; raises InvalidInput."""
        app, _, environment = text.partition("@")
        return cls(check_app_name(app), check_environment_name(environment or DEFAULT_ENVIRONMENT))


def check_app_name(name: str) -> str:
    """Give ``name`` back, or raise InvalidInput."""
    return _checked(name, "an app name")


def check_environment_name(name: str) -> str:
    """Give ``name`` back, or raise InvalidInput; the rule is that of app names."""
    return _checked(name, "an environment name")


def _checked(name: str, what: str) -> str:
    if not _APP.fullmatch(name):
        raise InvalidInput(f"{name[:40]!r} is not {what}", hint="Use 1 to 30 of a-z, 0-9 and -, starting with a letter")
    return name


def check_process_name(name: str) -> str:
    """Give a process type's name back, or raise InvalidInput; it becomes part of a function's name."""
    if not _PROCESS.fullmatch(name):
        raise InvalidInput(f"{name[:70]!r} is not a process name", hint="Use letters, digits, - and _")
    return name


def check_config_name(name: str) -> str:
    """Give a config var's name back, or raise InvalidInput.

    Names start with a letter on Lambda, and the ones Lambda reserves are refused:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    if not _CONFIG.fullmatch(name):
        raise InvalidInput(
            f"{name[:60]!r} is not a config var's name",
            hint="Lambda wants two characters or more: a letter, then letters, digits and _",
        )
    if name in RESERVED_VARIABLES or name.startswith(("AWS_LAMBDA_", "LAMBDA_")):
        raise InvalidInput(f"{name} is reserved by AWS Lambda", hint="Choose another name")
    return name


def function_name(scope: Scope, process: str) -> str:
    """Name of the function that runs ``process``; raises InvalidInput where it passes Lambda's 64 characters."""
    middle = "" if scope.environment == DEFAULT_ENVIRONMENT else f"-{scope.environment}"
    name = f"{scope.app}{middle}-{process}"
    if len(name) > FUNCTION_NAME_LIMIT:
        raise InvalidInput(
            f"the function name {name} has {len(name)} characters, Lambda takes {FUNCTION_NAME_LIMIT}",
            hint="Shorten the process name in the Procfile",
        )
    return name


RESERVED_VARIABLES = frozenset(
    """_HANDLER _X_AMZN_TRACE_ID AWS_DEFAULT_REGION AWS_REGION AWS_EXECUTION_ENV AWS_ACCESS_KEY
    AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_LAMBDA_RUNTIME_API LAMBDA_TASK_ROOT
    LAMBDA_RUNTIME_DIR""".split()
)
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html (defined runtime variables)."""
