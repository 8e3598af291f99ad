"""The fencing token in the ``live`` aliases: whoever reads a higher one than its own writes no more under its own.

Tokens come from one counter that only grows. A deploy takes its own when it begins, and again when it is taken over,
so that a higher one always belongs to a later deploy of the app, or to a newer claim of the same one. The claim's own
token would not do: a push that was claimed first may build for long and deploy after others.

A deploy writes its token before it reads what it plans from. Revisions read after that change with every write of
anybody else, so a stale writer's conditional calls are refused. What is read later is read in the same order:
revision first, then alias.

Whoever meets a higher token asks the rows, which are the truth. Where the row is not its own any more, it has been
taken over and stops. Where the row is still its own, nobody has: a newer claim would have changed the row's token; a
deploy of another row begins, and a second look is taken, only while no row of the app holds the deploy phase, which
ours holds since it took its first token. So the higher token comes from no deploy that these rows know: the database
was restored, and its counter went back. Then the counter is raised above what was seen, in the transaction that finds
the row still ours, and the deploy starts again under a new token (``deploy``). A take-over after that takes a higher
one yet, and stops us as ever. Were the higher token's writer of before the restore still alive, its writes are
conditional on revisions that ours change, and its own look at the rows finds that it holds none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from laambda.domain.function import Alias
from laambda.errors import Conflict, LaambdaError, LeaseLost, PreconditionLost, Unavailable
from laambda.ports import Aliases, Lease
from laambda.release.pace import Pace

_Result = TypeVar("_Result")
_TOKEN = re.compile(r"laambda token (\d{1,18})")


class Outbid(LeaseLost):
    """An alias holds a token higher than ours: taken over, unless the row is still ours."""

    def __init__(self, token: int) -> None:
        super().__init__(f"a newer deploy (token {token}) has taken over")
        self.token = token


@dataclass(frozen=True)
class Fence:
    """Guards the aliases of one deploy by its ``token``."""

    token: int
    aliases: Aliases
    lease: Lease
    pace: Pace

    @property
    def mark(self) -> str:
        """The description of an alias that we wrote."""
        return f"laambda token {self.token}"

    def check(self, alias: Alias | None) -> None:
        """Raise Outbid where somebody has written a higher token."""
        if alias is not None and (token := token_in(alias.description)) > self.token:
            raise Outbid(token)

    def raise_around(self, function: str) -> None:
        """Write our token into the ``live`` alias of ``function``, where it has one."""

        def write() -> None:
            alias = self.aliases.get(function)
            self.check(alias)
            if alias is not None and alias.description != self.mark:
                self._stamp(function, alias, None)

        patiently(write, function, self.pace)

    def point(self, function: str, version: str, *seen: Alias | None) -> None:
        """Make ``live`` of ``function`` serve ``version`` under our token, whatever it serves now.

        It is made where there is none. ``seen`` is the alias (or its absence) as read after our token was written: it
        saves a read. Its revision still guards, and of two creations the first wins.
        """
        known = list(seen)

        def move() -> None:
            alias = known.pop() if known else self.aliases.get(function)
            self.check(alias)
            if alias is None:
                self.lease.check()
                self.aliases.create(function, version, self.mark)
            elif (alias.version, alias.description) != (version, self.mark):
                self._stamp(function, alias, version)

        patiently(move, function, self.pace)

    def _stamp(self, function: str, alias: Alias, version: str | None) -> None:
        self.lease.check()
        self.aliases.update(function, version=version, description=self.mark, revision_id=alias.revision_id)


def token_in(description: str) -> int:
    """The token that a description holds; 0 where it is not one of ours, so that ours wins."""
    found = _TOKEN.fullmatch(description)
    return int(found[1]) if found else 0


def patiently(attempt: Callable[[], _Result], function: str, pace: Pace) -> _Result:
    """Call ``attempt``, which reads before it writes, until it is not refused for a reason that passes.

    Raises Unavailable after ``pace.retry`` seconds; what is refused for good is raised at once.
    """
    refused: LaambdaError | None = None
    for _ in pace.tries(pace.retry):
        try:
            return attempt()
        except (Conflict, PreconditionLost, Unavailable) as error:
            refused = error
    raise still_refused(function, pace, refused)


def still_refused(function: str, pace: Pace, refused: LaambdaError | None) -> Unavailable:
    """What to raise when retrying did not help: ours to mend, whoever refused."""
    reason = refused.message if refused else "no answer"
    return Unavailable(f"{function} could not be changed for {pace.retry:.0f} s: {reason}")
