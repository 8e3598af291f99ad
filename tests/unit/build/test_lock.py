from __future__ import annotations

from pathlib import Path

import pytest

from laambda.build import uv
from laambda.build.indexes import scrub
from laambda.build.lock import Lock, Locking, choose, export_uv_lock, lock_requirements, read_pylock
from laambda.build.requirements import Requirements
from laambda.build.target import BuildTarget
from laambda.domain.function import Architecture
from laambda.domain.runtimes import table
from laambda.errors import BuildFailed, PlatformError, UserError
from tests.unit.build.wheelhouse import Index

HASH = "0" * 64


def target(runtime: str = "python3.13", architecture: Architecture = Architecture.X86_64) -> BuildTarget:
    return BuildTarget(table()[runtime], architecture)


def document(*tags: str, **more: object) -> dict[str, object]:
    wheels = [{"url": f"https://files.example/six-1-{tag}.whl", "hashes": {"sha256": HASH}} for tag in tags]
    package = {"name": "six", "version": "1", "wheels": wheels, **more}
    return {"lock-version": "1.0", "created-by": "test", "packages": [package]}


TAGS = (
    "py3-none-any", "cp313-cp313-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_35_x86_64",
    "cp313-cp313-manylinux_2_28_aarch64", "cp311-cp311-manylinux_2_26_x86_64", "cp311-cp311-manylinux_2_28_x86_64",
    "cp39-abi3-manylinux2014_aarch64", "cp313-cp313-macosx_11_0_arm64", "cp313-cp313-musllinux_1_2_x86_64",
)  # fmt: skip


@pytest.mark.parametrize(
    ("runtime", "architecture", "tag"),
    [
        ("python3.13", "x86_64", "cp313-cp313-manylinux_2_28_x86_64"),
        ("python3.13", "arm64", "cp313-cp313-manylinux_2_28_aarch64"),
        ("python3.11", "x86_64", "cp311-cp311-manylinux_2_26_x86_64"),
        ("python3.11", "arm64", "cp39-abi3-manylinux2014_aarch64"),
        ("python3.12", "x86_64", "py3-none-any"),
    ],
)
def test_the_best_wheel_of_the_runtime_is_chosen_not_the_hosts(runtime: str, architecture: str, tag: str) -> None:
    chosen = choose(document(*TAGS), target(runtime, Architecture(architecture)), "lock")
    assert [wheel.filename for wheel in chosen] == [f"six-1-{tag}.whl"]


def test_markers_are_read_for_lambda() -> None:
    assert not choose(document("py3-none-any", marker="sys_platform == 'win32'"), target(), "lock")
    assert choose(
        document("py3-none-any", marker="platform_machine == 'aarch64'"), target(architecture=Architecture.ARM64), "l"
    )


@pytest.mark.parametrize(
    "more",
    [
        {"wheels": [], "sdist": {"url": "https://files.example/six.tar.gz", "hashes": {"sha256": HASH}}},
        {"wheels": [], "vcs": {"type": "git", "url": "https://host.example/six", "commit-id": "a"}},
        {"wheels": [], "directory": {"path": "."}},
        {"wheels": [], "archive": {"url": "https://files.example/six.whl", "hashes": {"sha256": HASH}}},
    ],
)
def test_what_is_not_a_wheel_is_refused_by_name(more: dict[str, object]) -> None:
    with pytest.raises(BuildFailed, match="six"):
        choose(document(**more), target(), "pylock.toml")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd.whl",
        "http://files.example/six-1-py3-none-any.whl",
        "https://10.0.0.1/six-1-py3-none-any.whl",
    ],
)
def test_a_customers_lock_leads_to_public_https_only(url: str, tmp_path: Path) -> None:
    text = f"""lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "six"\nversion = "1"
wheels = [{{ name = "six-1-py3-none-any.whl", url = "{url}", hashes = {{ sha256 = "{HASH}" }} }}]"""
    with pytest.raises(BuildFailed, match="not at a public https:// address"):
        read_pylock(text.encode(), "pylock.toml", target(), Locking(tmp_path, 0, 0))


@pytest.mark.parametrize("text", ["nonsense", "lock-version = '9.0'", "a = " + "[" * 20_000])
def test_a_broken_lock_of_a_customer_is_theirs(text: str, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match=r"^pylock\.toml"):
        read_pylock(text.encode(), "pylock.toml", target(), Locking(tmp_path, 0, 0))


UV_LOCK = """version = 1
requires-python = ">=3.11"
[[package]]
name = "app"
version = "1"
source = {{ editable = "." }}
dependencies = [{{ name = "six" }}]
[[package]]
name = "six"
version = "1.0"
{source}
"""
UV_PROJECT = b"""[project]
name = "app"
version = "1"
requires-python = ">=3.11"
dependencies = ["six"]
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def exported(tmp_path: Path, source: str) -> Lock:
    return export_uv_lock(UV_LOCK.format(source=source).encode(), UV_PROJECT, target(), Locking(tmp_path, 0, 0))


def test_a_uv_lock_is_honoured_exactly_and_read_once(tmp_path: Path) -> None:
    wheel = f'{{ url = "https://files.example/six-1.0-py3-none-any.whl", size = 5, hash = "sha256:{HASH}" }}'
    source = f'source = {{ registry = "https://pypi.example/simple" }}\nwheels = [{wheel}]'
    locks = [exported(tmp_path, source) for _ in range(2)]
    assert [(lock.cached, lock.made) for lock in locks] == [(False, None), (True, None)]
    assert [(wheel.package, wheel.version, wheel.sha256) for wheel in locks[1].wheels] == [("six", "1.0", HASH)]


@pytest.mark.parametrize(
    "source",
    [
        'source = { git = "https://host.example/six#' + "a" * 40 + '" }',
        'source = { directory = "../six" }',
        'source = { url = "https://host.example/six.tar.gz" }\nsdist = { hash = "sha256:' + HASH + '" }',
    ],
)
def test_a_uv_lock_with_sources_is_refused_by_name(tmp_path: Path, source: str) -> None:
    with pytest.raises(BuildFailed, match=r"uv\.lock: six has no wheel"):
        exported(tmp_path, source)


def test_a_broken_uv_lock_is_theirs(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match=r"uv\.lock can't be read"):
        export_uv_lock(b"junk", UV_PROJECT, target(), Locking(tmp_path, 0, 0))


def test_a_lock_is_resolved_once_and_grows_old(index: Index, tmp_path: Path) -> None:
    index.add("six", "1.0")
    wanted = Requirements(wanted=("six",))

    def version(now: float, *, fresh: bool = False) -> tuple[str, bool]:
        lock = lock_requirements(wanted, target(), index.indexes, Locking(tmp_path, now, 100, fresh))
        return lock.wheels[0].version, lock.cached

    assert version(1000) == ("1.0", False)
    index.add("six", "2.0")
    assert version(1099) == ("1.0", True)
    assert version(1101, fresh=True)[1] is False
    assert version(2000)[1] is False


def test_only_a_lock_that_grows_old_tells_when_it_was_made(index: Index, tmp_path: Path) -> None:
    digest = index.add("six").sha256
    pinned = {"six": frozenset({digest})}

    def made(now: float, hashes: dict[str, frozenset[str]]) -> float | None:
        wanted = Requirements(wanted=("six",), hashes=hashes)
        return lock_requirements(wanted, target(), index.indexes, Locking(tmp_path, now, 100)).made

    assert [made(now, {}) for now in (1000, 1050, 1200)] == [1000, 1000, 1200]
    assert [made(now, pinned) for now in (1000, 1050)] == [None, None]


def test_a_lock_belongs_to_its_runtime_and_architecture(index: Index, tmp_path: Path) -> None:
    index.add("six")
    wanted, how = Requirements(wanted=("six",)), Locking(tmp_path, 0, 100)
    targets = [target(), target("python3.12"), target(architecture=Architecture.ARM64)]
    assert len({lock_requirements(wanted, each, index.indexes, how).key for each in targets}) == 3


@pytest.mark.parametrize(("given", "message"), [("f" * 64, "another hash"), ("", "has no --hash")])
def test_hashes_of_the_requirements_bind(index: Index, tmp_path: Path, given: str, message: str) -> None:
    index.add("six")
    hashes = {"six": frozenset({given})} if given else {"other": frozenset({HASH})}
    with pytest.raises(BuildFailed, match=message):
        lock_requirements(
            Requirements(wanted=("six",), hashes=hashes), target(), index.indexes, Locking(tmp_path, 0, 0)
        )


def test_an_index_that_is_down_is_ours(index: Index, tmp_path: Path) -> None:
    indexes = type(index.indexes)({"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"})
    with pytest.raises(PlatformError, match="The package index did not answer"):
        lock_requirements(Requirements(wanted=("six",)), target(), indexes, Locking(tmp_path, 0, 0))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (("nosuch==1",), "There is no package named nosuch on the package index"),
        (("six==9",), "There is no version six==9 for python3.13 on x86_64"),
        (("olden",), "olden has no wheel for python3.13 on x86_64 (glibc 2.34), only sources or other platforms"),
        (("winonly",), "winonly has no wheel for python3.13 on x86_64 (glibc 2.34), only sources or other platforms"),
        (("six==1.0", "needs"), "The requirements contradict each other: "),
    ],
)
def test_each_failure_of_a_resolution_says_what_to_mend(
    index: Index, tmp_path: Path, wanted: tuple[str, ...], message: str
) -> None:
    index.add("six", "1.0")
    index.add("needs", requires=("six>=2",))
    index.publish("olden-1.0.tar.gz", b"x")
    index.publish("winonly-1.0-cp313-cp313-win_amd64.whl", b"x")
    with pytest.raises(UserError) as caught:
        lock_requirements(Requirements(wanted=wanted), target(), index.indexes, Locking(tmp_path, 0, 0))
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_a_password_never_gets_into_an_error() -> None:
    error = uv.explain(scrub("boom https://jane:hunter2@pypi.example/simple"), Requirements(), target())
    assert "hunter2" not in str(error)


def test_an_index_that_the_app_names_is_theirs_to_mend() -> None:
    named = Requirements(index="https://pypi.example/simple")
    error = uv.explain(
        "error: Request failed\n cause: Failed to fetch: https://pypi.example/simple/six/", named, target()
    )
    assert isinstance(error, BuildFailed)


def test_a_denied_index_is_told_from_one_that_is_down() -> None:
    error = uv.explain(
        "error: Failed to fetch: https://x\n cause: HTTP status client error (401 Unauthorized)",
        Requirements(),
        target(),
    )
    assert "refuses to answer" in error.message
