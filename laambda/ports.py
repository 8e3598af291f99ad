"""Every boundary of the core, as a Protocol in our own words, and Services: one adapter of each.

No type of an SDK crosses here. Adapters raise only ``laambda.errors``: Unavailable where a service did not answer,
NotFound, Conflict and PreconditionLost as each method says. The database is split by who needs what; all its
parts belong to one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from laambda.domain.access import ApiToken, AuditEntry, SshKey
from laambda.domain.app import App, Environment, Target
from laambda.domain.build import Build, BuildState, NewBuild, Step
from laambda.domain.function import Alias, CodeLocation, Invocation, LiveFunction, WantedFunction
from laambda.domain.log import LogLine, OutputChunk
from laambda.domain.names import Scope
from laambda.domain.refs import Commit, Pack, RefUpdate
from laambda.domain.release import Release, ReleasedFunction, ReleaseState, SecondLook

# ---------------------------------------------------------------- the database


class Apps(Protocol):
    """Apps per environment, and the environments."""

    def create(self, app: App) -> None:
        """Add it; Conflict where it exists, NotFound where its environment does not."""

    def get(self, scope: Scope) -> App:
        """The app, or NotFound."""

    def all(self) -> Sequence[App]:
        """Every app, by scope."""

    def destroy(self, scope: Scope) -> None:
        """Delete the app and all rows under it. Audit entries stay."""

    def environment(self, name: str) -> Environment:
        """The environment, or NotFound."""

    def claim_functions(self, scope: Scope, names: Sequence[str]) -> None:
        """Make ``names`` this app's in its environment's target; Conflict naming the one that is another app's."""

    def functions(self, scope: Scope) -> Sequence[str]:
        """All names that it claimed: no other function can have been made for it."""

    def release_functions(self, scope: Scope, names: Sequence[str]) -> None:
        """Give up claims; another app may have these names."""


class Versions(Protocol):
    """The counters and pointers of an app."""

    def take(self, scope: Scope) -> int:
        """The next vN; it is spent whatever happens."""

    def set_live(self, scope: Scope, version: int, config_id: int | None) -> None:
        """``version`` serves now, with ``config_id`` in force."""

    def set_config(self, scope: Scope, config_id: int | None, *, old: int | None) -> bool:
        """Change the config bag in force of an app that has no live release; False where it is not ``old`` any more,
        or where a release went live. The app's row is locked until the transaction ends."""


class Builds(Protocol):
    """Rows of ``builds`` as records: added and read here, moved only by Leases."""

    def add(self, new: NewBuild) -> Build:
        """Insert a queued row with its refs."""

    def get(self, build_id: int) -> Build:
        """The row, or NotFound."""

    def recent(self, scope: Scope | None, limit: int) -> Sequence[Build]:
        """Newest first."""

    def of_push(self, scope: Scope, update: RefUpdate) -> Build | None:
        """The newest row that moves ``update.name`` to ``update.new``, whatever its state."""

    def unfinished(self, scope: Scope) -> Sequence[Build]:
        """Queued and running rows, oldest first."""

    def built(self, scope: Scope, tree: str, limit: int) -> Sequence[Build]:
        """The newest ``limit`` rows that succeeded with ``tree``, newest first."""


class Leases(Protocol):
    """The only writers of a row that is queued or running. Each is one conditional UPDATE: False or None means
    that the row is no longer the caller's, and the caller must stop."""

    def claim(self, build_id: int, *, node: str, lease: float, attempts: int) -> Build | None:
        """Take a queued row, or a running one whose lease expired, with a new fencing token for ``lease`` seconds.

        None where it is someone else's, has ended, has used up ``attempts`` before it was published, or where the
        app's phase is occupied by another row. The token comes from one counter that only grows.
        """

    def start_link(self, build_id: int, token: int, step: Step, *, lease: float) -> Build | None:
        """Mark the link ``step`` as started and renew; None for a stale token, another step, or a second copy."""

    def renew(self, build_id: int, token: int, *, lease: float) -> bool:
        """Heartbeat."""

    def holds(self, build_id: int, token: int) -> bool:
        """Whether the row still runs under ``token``; only reads."""

    def take_fence(self, build_id: int, token: int, *, above: int = 0) -> int | None:
        """A number from the counter of tokens, higher than all before and than ``above``: what the deploy of a row that
        ``token`` holds fences with. A claim's own token won't do, since rows deploy in another order than they are
        claimed."""

    def checkpoint(
        self,
        build_id: int,
        token: int,
        done: Step,
        *,
        result: Mapping[str, Any],
        seconds: float,
        lease: float,
    ) -> bool:
        """Link ``done`` is finished: keep its result and timing, and make the next step the row's, not started."""

    def rewind(self, build_id: int, token: int, step: Step) -> bool:
        """Go back to ``step`` (its workspace is gone): forget the results of ``step`` and of those after it."""

    def enter_deploy(self, build_id: int, token: int, *, version: int, config_id: int | None) -> bool:
        """The deploy phase begins with vN and the config snapshot (kept as ``snapshot_id``). False also where another
        row of the app deploys: roll the transaction back, hand the row back uncounted and stop; it is ready again
        when the phase is free, and its next claim takes the phase at once."""

    def mark_published(self, build_id: int, token: int, *, result: Mapping[str, Any]) -> bool:
        """The point of no return: from here a take-over rolls forward. ``result`` joins results["deploy"]."""

    def finish(self, build_id: int, token: int, state: BuildState, *, error: str = "") -> bool:
        """End a running row that ``token`` holds; phase and lease are given up. A published one ends succeeded, or
        failed in its deploy, which undid itself: False for any other end."""

    def end_queued(self, build_id: int, state: BuildState, *, error: str) -> bool:
        """End a row that no worker holds: queued, or running with an expired lease and not published."""

    def hand_back(self, build_id: int, token: int, *, counted: bool, delay: float = 0) -> bool:
        """Expire the lease now; an attempt that is not ``counted`` is given back, and ``token`` is worth nothing.
        It is sent again after ``delay`` seconds at the earliest."""

    def hand_back_node(self, node: str) -> int:
        """Hand back, uncounted, all that ``node`` holds; gives their number."""


class Dispatching(Protocol):
    """What the dispatcher asks; its transaction holds the one dispatcher's lock."""

    def lock(self) -> bool:
        """Become the one dispatcher until the transaction ends; False where another is (try later)."""

    def ready(self, limit: int) -> Sequence[Build]:
        """Rows to send now, fairest first: queued ones whose turn it is and which are not in flight, and running
        ones whose lease expired. An attached push whose ref an older unfinished attached row would move waits;
        an app's occupied phase waits; rollbacks go first; apps take turns by their last start. At most ``limit``
        of them are to build: what only deploys needs no slot."""

    def in_flight(self) -> int:
        """Rows that build, or are sent to build and not yet claimed: each occupies a slot."""

    def mark_sent(self, build_id: int, *, resend_after: float) -> None:
        """Sent now; it is ready again after ``resend_after`` seconds if nobody claims it."""

    def forget_sent(self) -> None:
        """The broker lost its data: whatever was sent and not claimed is ready again."""

    def exhausted(self, attempts: int) -> Sequence[Build]:
        """Rows whose lease expired, not published, with ``attempts`` used up."""

    def overtaken(self) -> Mapping[int, int]:
        """Queued detached pushes and retries, each with the newest such row of its app that moves the same ref."""


class Refs(Protocol):
    """Refs are rows, moved by compare-and-set."""

    def all(self, scope: Scope) -> Mapping[str, str]:
        """Name to object id."""

    def move(self, scope: Scope, updates: Sequence[RefUpdate], *, build_id: int | None = None) -> None:
        """Move each from ``old`` to ``new``, or none: Conflict ("main moved to abc1234, fetch first") names the first
        that is elsewhere, that is reserved by a build other than ``build_id``, or that would be the folder of
        another. Reservations of ``build_id`` end."""

    def check(self, scope: Scope, updates: Sequence[RefUpdate]) -> None:
        """Conflict as ``move`` where a ref is not at its ``old``; changes nothing."""

    def reserve(self, scope: Scope, updates: Sequence[RefUpdate], build_id: int) -> None:
        """Check each ``old`` and keep the ref for ``build_id``; Conflict as ``move``."""

    def unreserve(self, build_id: int) -> None:
        """Give up what ``build_id`` reserved."""

    def reserved(self, build_id: int) -> frozenset[str]:
        """The names that ``build_id`` reserved and has neither moved nor given up."""

    def add_pack(self, scope: Scope, pack: Pack) -> None:
        """Remember a stored pack; the same key twice is one."""

    def packs(self, scope: Scope) -> Sequence[Pack]:
        """In the order they came."""

    def replace_packs(self, scope: Scope, old: Sequence[Pack], new: Pack) -> bool:
        """``new`` instead of all of ``old``; False, and nothing changed, where one of them is not there any more."""


class Releases(Protocol):
    """Releases, append-only but for the end of a pending one."""

    def add(self, release: Release) -> None:
        """Insert it."""

    def settle(
        self, scope: Scope, version: int, state: ReleaseState, functions: Sequence[ReleasedFunction] = ()
    ) -> None:
        """End a pending release, with its functions where it succeeded."""

    def get(self, scope: Scope, version: int) -> Release:
        """vN, or NotFound."""

    def recent(self, scope: Scope, limit: int) -> Sequence[Release]:
        """Newest first."""


class SecondLooks(Protocol):
    """Apps whose last deploy may have left something in the cloud. A second look and a deploy of the same app never
    run at the same time."""

    def ask(self, scope: Scope) -> None:
        """Somebody shall look, some time from now."""

    def take(self, *, after: float, hold: float) -> SecondLook | None:
        """An app for which it was asked ``after`` seconds ago or longer, oldest first; none of its deploys has begun
        and not ended. Nobody else takes it and none of its deploys begins for ``hold`` seconds, or until the look
        ends."""

    def under_way(self, scope: Scope) -> bool:
        """Whether somebody looks now. It stays true or false until the transaction ends only where the app's row was
        written before in it."""

    def done(self, look: SecondLook) -> bool:
        """Nothing is left to do; False where somebody else has taken the look."""

    def put_off(self, look: SecondLook) -> None:
        """Not done: deploys may begin, and somebody shall look later."""


class ConfigBags(Protocol):
    """Sealed config bags, append-only."""

    def add(self, scope: Scope, sealed: bytes) -> int:
        """Keep it; gives its id."""

    def get(self, config_id: int) -> bytes:
        """The sealed bag, or NotFound."""


class Access(Protocol):
    """SSH keys and API tokens."""

    def add_key(self, key: SshKey) -> None:
        """Conflict where the fingerprint is known."""

    def remove_key(self, fingerprint: str) -> None:
        """NotFound where it is not there."""

    def keys(self) -> Sequence[SshKey]:
        """By user, then fingerprint."""

    def find_key(self, fingerprint: str) -> SshKey | None: ...

    def add_token(self, token: ApiToken) -> None: ...

    def find_token(self, sha256: str) -> ApiToken | None: ...


class Audit(Protocol):
    """Who did what."""

    def add(self, entry: AuditEntry) -> None: ...

    def recent(self, limit: int) -> Sequence[AuditEntry]:
        """Newest first."""


class Transaction(Protocol):
    """One database transaction: committed when its block ends, rolled back when it raises."""

    @property
    def now(self) -> datetime:
        """The database's time, UTC: the only clock that leases know."""

    @property
    def apps(self) -> Apps: ...
    @property
    def versions(self) -> Versions: ...
    @property
    def builds(self) -> Builds: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def dispatching(self) -> Dispatching: ...
    @property
    def refs(self) -> Refs: ...
    @property
    def releases(self) -> Releases: ...
    @property
    def second_looks(self) -> SecondLooks: ...
    @property
    def config(self) -> ConfigBags: ...
    @property
    def access(self) -> Access: ...
    @property
    def audit(self) -> Audit: ...


class Database(Protocol):
    """Opens transactions. No I/O other than the database's happens inside one. Unavailable where it is away."""

    def write(self) -> AbstractContextManager[Transaction]:
        """Read and write, serialised against other writers where the database needs it."""

    def read(self) -> AbstractContextManager[Transaction]:
        """Read only."""

    def migrate(self) -> None:
        """Bring the schema to the newest revision; safe for many processes at once."""


# ---------------------------------------------------------------- the farm


class TaskQueue(Protocol):
    """The doorbell: it may lose, repeat and reorder what is sent; the rows don't mind."""

    def send(self, build: Build, steps: Sequence[Step], *, queue: str, token: int | None = None) -> None:
        """Send the chain ``steps`` for a build; ``token`` stamps links that belong to a claim already made."""

    def survived(self) -> bool:
        """False once after the broker lost its data, then True."""


class BuildOutput(Protocol):
    """The live lines of builds: many readers, kept for a while after the end."""

    def append(self, build_id: int, lines: Sequence[str]) -> None: ...

    def end(self, build_id: int) -> None:
        """No line follows."""

    def read(self, build_id: int, cursor: str, *, wait: float) -> OutputChunk:
        """Lines after ``cursor`` ("" from the first); waits up to ``wait`` seconds for one."""


class Notifier(Protocol):
    """Tells people outside of what they may want to know."""

    def build_failed(self, build: Build) -> None:
        """A push or retry ended as failed or errored. Gives back at once and never raises; the news may get lost."""


class Lease(Protocol):
    """What a running link holds."""

    @property
    def token(self) -> int: ...

    def check(self) -> None:
        """Raise LeaseLost unless the build is surely still ours; call it before each outside effect."""


class Recorder(Protocol):
    """Tells the customer what happens, line by line. Control characters are stripped; nothing secret comes here."""

    def headline(self, text: str) -> None:
        """``-----> text``"""

    def detail(self, text: str) -> None:
        """``       text``; several lines are indented each."""

    def warning(self, text: str) -> None:
        """`` !     text``"""


# ---------------------------------------------------------------- the cloud


class ObjectStore(Protocol):
    """Content-addressed objects; writing the same key twice is harmless. Keys are relative, ``/``-separated."""

    @property
    def bucket(self) -> str: ...

    def put(self, key: str, body: Path | bytes) -> None: ...

    def get(self, key: str, to: Path) -> None:
        """Write the object to ``to`` by rename, whole or not at all; NotFound where there is none."""

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None:
        """Harmless where there is none."""


class Vault(Protocol):
    """Envelope encryption. ``context`` is authenticated, not kept: the same one opens the bag."""

    def seal(self, plain: bytes, context: Mapping[str, str]) -> bytes: ...

    def open(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        """PlatformError where key, context or bytes are wrong."""


class Functions(Protocol):
    """Lambda functions and their versions, in one account and region. Writes are never retried inside.

    Each write gives $LATEST as it is afterwards. ``revision_id`` is the condition: PreconditionLost where $LATEST
    changed since. Conflict where an update is in progress; Unavailable where throttled; InvalidInput with
    AWS's words where AWS refuses the request for good.
    """

    def get(self, name: str, *, with_alias: bool = True) -> LiveFunction | None:
        """$LATEST, then its ``live`` alias, read in this order; or None. Without the alias it costs nothing of the
        15 requests a second that Lambda's control plane takes."""

    def create(self, wanted: WantedFunction, owner: str) -> LiveFunction:
        """Conflict where it exists."""

    def update_code(self, name: str, code: CodeLocation, wanted: WantedFunction, revision_id: str) -> LiveFunction: ...

    def update_settings(self, wanted: WantedFunction, revision_id: str) -> LiveFunction: ...

    def publish(self, name: str, *, code_sha256: str, revision_id: str, description: str) -> str:
        """The version's number; AWS gives the last one again where nothing changed since."""

    def version_settled(self, name: str, version: str) -> bool:
        """Whether the version is Active; InvalidInput with AWS's reason where it failed, NotFound where it is gone."""

    def delete(self, name: str) -> None:
        """Harmless where there is none."""


class Aliases(Protocol):
    """The ``live`` alias of functions."""

    def create(self, function: str, version: str, description: str) -> Alias:
        """Conflict where it exists."""

    def update(self, function: str, *, version: str | None, description: str, revision_id: str | None) -> Alias:
        """Move it, or write its description alone; PreconditionLost where ``revision_id`` is given and stale."""

    def get(self, function: str) -> Alias | None: ...


class Invoker(Protocol):
    """Runs functions."""

    def invoke(self, function: str, payload: bytes) -> Invocation:
        """Call the ``live`` alias and wait; NotFound where there is none."""


class FunctionLogs(Protocol):
    """What functions wrote."""

    def lines(self, function: str, *, since: datetime, limit: int) -> Sequence[LogLine]:
        """Oldest first, from ``since`` on; empty where the function has no log yet."""


@dataclass(frozen=True)
class TargetCloud:
    """One account and region: the adapters that act there. ``first`` are the same for whoever goes first (a rollback)
    where requests are scarce; None where all are served alike."""

    functions: Functions
    aliases: Aliases
    invoker: Invoker
    logs: FunctionLogs
    artifacts: ObjectStore
    first: TargetCloud | None = None


# ---------------------------------------------------------------- git


class Repository(Protocol):
    """An app's bare repository on this machine's disk: a cache of ref rows and stored packs."""

    def lock(self) -> AbstractContextManager[None]:
        """Nobody else mends this repository meanwhile, in whatever process of this machine."""

    def has_pack(self, pack: Pack) -> bool: ...

    def add_pack(self, pack: Pack, archive: Path) -> None:
        """Unpack a stored pack archive into the repository."""

    def keep_pack(self, pack: Pack) -> None:
        """Remember that the objects of ``pack`` are here already: git brought them."""

    def repack(self, to: Path) -> None:
        """Make one pack of all objects, whether a ref leads to them or not, and write its archive to ``to``."""

    def refs(self) -> Mapping[str, str]: ...

    def set_refs(self, refs: Mapping[str, str]) -> None:
        """Make ``refs`` all refs that there are, whatever they were."""


class PushedObjects(Protocol):
    """What a push brought, before git takes it over; its objects are in quarantine."""

    def commit(self, oid: str) -> Commit:
        """A commit that was pushed or was here before; InvalidInput where ``oid`` is no commit."""

    def check_complete(self, oids: Sequence[str]) -> None:
        """InvalidInput unless all objects that ``oids`` lead to were pushed or were here before: git asks its hook
        first, and would refuse what is incomplete only after it was released."""

    def write_source(self, tree: str, to: Path) -> None:
        """Write a tree as a normalised tar, the same bytes each time. BuildFailed for what can't be built
        (submodules, LFS pointers, names that don't survive a file system)."""

    def new_pack(self, to: Path) -> bool:
        """Write a tar of the push's completed pack and its index; False where the push brought no objects."""


# ---------------------------------------------------------------- all of them


@dataclass(frozen=True)
class Services:
    """One adapter per port, made by ``laambda.bootstrap`` alone. Made after fork; safe for many threads."""

    database: Database
    objects: ObjectStore
    vault: Vault
    queue: TaskQueue
    output: BuildOutput
    cloud: Callable[[Target], TargetCloud]
    notifier: Notifier | None = None


@dataclass(frozen=True)
class LinkContext:
    """What one link of the chain works with.

    ``workspace`` is the build's folder on this node, ``cache`` the node's content-addressed store. ``lock_age`` is
    the seconds that a lock of unpinned requirements is used; ``default_runtime`` a Lambda runtime identifier.
    """

    build: Build
    lease: Lease
    services: Services
    recorder: Recorder
    workspace: Path
    cache: Path
    lease_seconds: float = 30.0
    lock_age: float = 86_400.0
    default_runtime: str = "python3.13"


def each_line(text: str) -> Iterator[str]:
    """The lines of ``text`` without control characters other than tab, at most 2,000 characters each."""
    for line in text.splitlines():
        yield "".join(char for char in line if char == "\t" or char.isprintable())[:2000]
