"""Every error laambda raises on purpose.

    LaambdaError
    ├── UserError            theirs: shown as one line, never retried, exit code 1
    │   ├── InvalidInput     a value, file or tree that breaks a rule
    │   ├── NotFound         the thing named does not exist (or is not visible to the caller)
    │   ├── Conflict         the state of the thing forbids the act
    │   ├── NotAllowed       the caller is known and may not do this
    │   └── BuildFailed      the customer's source can't become a release
    └── PlatformError        ours: logged, retried where that is safe, exit code 3
        ├── Unavailable      a service we stand on did not answer; trying again may help
        ├── PreconditionLost somebody changed the cloud between our read and our write: read and plan again
        └── LeaseLost        a newer claim owns the build: stop at once, write nothing more

A message says what is wrong and where; ``hint`` is the command or change that mends it. No message ever holds
a secret: messages are shown to customers, kept in rows and printed by Flower.
"""

from __future__ import annotations


class LaambdaError(Exception):
    """Base of all. ``message`` is one line without a final full stop, ``hint`` one line or empty."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class UserError(LaambdaError):
    """They can mend it."""

    exit_code = 1


class InvalidInput(UserError):
    """A value, file or tree that breaks a rule; the message names value and rule."""


class NotFound(UserError):
    """The thing named does not exist for this caller."""


class Conflict(UserError):
    """The thing exists and its state forbids the act."""


class NotAllowed(UserError):
    """The caller may not do this."""


class BuildFailed(UserError):
    """The pushed source can't become a release."""


class PlatformError(LaambdaError):
    """We must mend it."""


class Unavailable(PlatformError):
    """A service we stand on did not answer in time; nothing is known to have changed."""


class PreconditionLost(PlatformError):
    """A conditional write was refused because the thing changed since it was read."""


class LeaseLost(PlatformError):
    """The build belongs to a newer claim; whoever holds this must stop without another write."""
