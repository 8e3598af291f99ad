"""The README's first command on a machine that has nothing: a Debian made by debootstrap, an ordinary user."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent.parent
SUITE = "bookworm"
PACKAGES = ("git", "make", "openssh-client", "python3-venv")
USER = 1000
_NETWORK = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_PACKAGES_FROM = ("PIP_", "UV_", "SSL_CERT_")
_HOST_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("machine"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="a root folder of its own needs root"),
    pytest.mark.skipif(sys.platform != "linux", reason="Debian is Linux"),
]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A bare Debian's root folder, with a clean clone of HEAD in its user's home."""
    if shutil.which("debootstrap") is None:
        pytest.skip("needs debootstrap (tests/setup.sh)")
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this container may not make namespaces")
    root = tmp_path_factory.mktemp("bare") / "machine"
    unpack_debian(root)
    home = add_user(root)
    subprocess.run(["git", "clone", "-q", CHECKOUT.as_uri(), home / "laambda"], check=True)
    copy_what_the_network_needs(root)
    subprocess.run(["chown", "-R", f"{USER}:{USER}", home], check=True)
    yield root
    shutil.rmtree(root)


def add_user(root: Path) -> Path:
    """An ordinary user ``dev``; gives the home."""
    for name, line in (("passwd", f"dev:x:{USER}:{USER}::/home/dev:/bin/sh\n"), ("group", f"dev:x:{USER}:\n")):
        with (root / "etc" / name).open("a") as file:
            file.write(line)
    home = root / "home" / "dev"
    home.mkdir()
    return home


def unpack_debian(root: Path) -> None:
    """From a tarball that is made once per list of packages."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "laambda-tests"
    mark = hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:12]
    tarball = cache / f"{SUITE}-{mark}.tar"
    if not tarball.exists():
        cache.mkdir(parents=True, exist_ok=True)
        make_debian(root, tarball)
    else:
        root.mkdir()
        subprocess.run(["tar", "-xf", tarball, "-C", root, "--numeric-owner"], check=True)


def make_debian(root: Path, tarball: Path) -> None:
    """The smallest Debian with ``PACKAGES``; its own defaults say where it comes from."""
    words = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root)]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:]
    shutil.rmtree(root / "var" / "cache" / "apt" / "archives")
    fresh = tarball.with_suffix(f".{os.getpid()}")
    subprocess.run(["tar", "-cf", fresh, "-C", root, "--numeric-owner", "."], check=True)
    fresh.rename(tarball)


def copy_what_the_network_needs(root: Path) -> None:
    """Names, certificates and package indexes as this machine uses them; no program."""
    for name in _HOST_FILES:
        if Path(name).exists():
            shutil.copyfile(name, root / name.lstrip("/"))
    certificates = root / "etc" / "ssl" / "certs"
    shutil.rmtree(certificates, ignore_errors=True)
    if Path("/etc/ssl/certs").is_dir():
        shutil.copytree("/etc/ssl/certs", certificates, ignore_dangling_symlinks=True)


def environment() -> dict[str, str]:
    """A login's, and this machine's way to its package indexes; folders that are not there are left out."""
    given = {name: os.environ[name] for name in _NETWORK if name in os.environ}
    for name, value in os.environ.items():
        is_path = value.startswith("/") and not value.startswith("/etc/ssl/")
        if name.startswith(_PACKAGES_FROM) and not is_path:
            given[name] = value
    return {**given, "HOME": "/home/dev", "USER": "dev", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}


def run_inside(root: Path, command: str, timeout: float) -> tuple[int, str]:
    """Run a shell command as the user, in namespaces that take every process and mount with them when they end."""
    words = f'mount --bind "$1" "$1" && cd "$1" && mount -t proc proc proc && mount --rbind /dev dev && {ENTER}'
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", words, "sh", str(root), command],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout


ENTER = (
    "exec chroot . /usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups --bounding-set=-all --no-new-privs "
    '/bin/sh -c "cd /home/dev/laambda && $2"'
)


def test_make_demo_runs_on_a_bare_debian_as_an_ordinary_user(machine: Path) -> None:
    lacking = run_inside(machine, "command -v curl docker pip pip3 uv redis-server; id -u", 60)
    assert lacking == (0, f"{USER}\n")
    started = time.monotonic()
    code, transcript = run_inside(machine, "make demo", 600)
    first = time.monotonic() - started
    assert code == 0, transcript[-6000:]
    for line in (
        "-----> Python app detected",
        "-----> Released v1",
        "-----> Released v2",
        "[remote rejected] main -> main (pre-receive hook declined)",
        "Rolling back thumbnails to v1... done, v3",
        "All of it happened on this machine",
    ):
        assert line in transcript, transcript[-6000:]
    started = time.monotonic()
    code, transcript = run_inside(machine, "make demo", 300)
    assert code == 0, transcript[-6000:]
    print(f"make demo on a bare machine: {first:.0f} s, the second time: {time.monotonic() - started:.0f} s")


def test_the_main_job_passes_its_tests_on_debians_own_python(machine: Path) -> None:
    tests = "tests/e2e/test_push.py tests/e2e/test_release.py tests/integration/receiver/test_cache.py"
    code, said = run_inside(machine, f"make -s .venv/.dev && .venv/bin/python -m pytest -q --tb=short {tests}", 600)
    assert code == 0, said[-6000:]


def test_a_machine_without_the_tools_is_told_what_to_install(machine: Path) -> None:
    shutil.rmtree(machine / "home" / "dev" / "laambda" / ".venv", ignore_errors=True)
    (machine / "usr" / "bin" / "ssh").rename(machine / "usr" / "bin" / "ssh-away")
    code, said = run_inside(machine, "make demo", 60)
    assert code != 0
    assert "apt-get install -y openssh-client" in said
