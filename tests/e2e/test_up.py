"""``laambda up``: what it leaves behind when it dies, what it keeps, and what else it can stand on."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.broker_fixture import Broker, emptied
from tests.farm import Farm, running_farm, tiny
from tests.processes import command, wait_gone, with_environment


@pytest.fixture
def own_farm() -> Iterator[Farm]:
    """A farm of the test's own."""
    with running_farm() as farm:
        yield farm


def listening(farm: Farm) -> list[str]:
    """Which of the farm's ports and sockets still answer."""
    return [
        *(name for name, port in farm.ports.items() if connects(socket.AF_INET, ("127.0.0.1", port))),
        *(path.name for path in (farm.home / "run").glob("*.sock") if connects(socket.AF_UNIX, str(path))),
    ]


def connects(family: int, address: object) -> bool:
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_killed_farm_leaves_nothing_behind_and_loses_nothing(own_farm: Farm) -> None:
    app = own_farm.app("api")
    app.release(tiny("one"))
    assert app.invoke()["answer"] == "one"
    before = own_farm.processes()
    assert len(before) > 8
    assert {"SSH", "API", "FLOWER", "CLOUD"} < set(listening(own_farm))
    own_farm.kill()
    assert [command(pid) for pid in wait_gone(before, 10)] == []
    assert [command(pid) for pid in with_environment(f"LAAMBDA_HOME={own_farm.home / 'state'}")] == []
    assert listening(own_farm) == []
    own_farm.start()
    assert app.invoke()["answer"] == "one"
    app.release(tiny("two"))
    assert app.live == 2


@pytest.mark.slow
def test_a_stopped_farm_ends_well_and_leaves_no_process(own_farm: Farm) -> None:
    before = own_farm.processes()
    own_farm.stop()
    assert own_farm.process is not None
    assert own_farm.process.returncode == 0, own_farm.log[-2000:]
    assert [command(pid) for pid in wait_gone(before, 1)] == []
    assert "Traceback" not in own_farm.log


def test_a_second_farm_in_the_same_home_is_refused(farm: Farm) -> None:
    second = farm.laambda("up")
    assert second.code == 1
    assert second.has("runs in")


def test_it_prints_where_everything_is_and_how_the_key_got_in(farm: Farm) -> None:
    for words in (
        f"git remote  ssh://git@127.0.0.1:{farm.ports['SSH']}/APP.git",
        f"API         {farm.api_url}",
        f"Flower      http://127.0.0.1:{farm.ports['FLOWER']}",
        f"SSH key     {farm.key}.pub was added and may push",
    ):
        assert words in farm.log


def check_story(farm: Farm) -> None:
    """Push, push, break, configure, roll back."""
    app = farm.app("api")
    app.release(tiny("one"))
    app.release(tiny("two"))
    app.commit({"Procfile": "web: gone.handler\n"})
    assert app.push().code != 0
    assert farm.laambda("config:set", "MODE=fast", "-a", "api").code == 0
    assert app.invoke() == {"answer": "two", "mode": "fast"}
    assert farm.laambda("rollback", "v1", "-a", "api").code == 0
    assert app.invoke() == {"answer": "one", "mode": None}
    assert [version for version, state, _ in app.releases if state == "succeeded"] == [1, 2, 3, 4]


@pytest.mark.slow
def test_the_same_farm_on_postgresql(postgres_url: str) -> None:
    with running_farm(LAAMBDA_DATABASE_URL=postgres_url) as farm:
        check_story(farm)
        assert not list(Path(farm.home / "state").glob("laambda.db*"))


@pytest.mark.slow
def test_the_same_farm_on_debians_redis(brokers: Callable[[str], Broker]) -> None:
    redis = emptied(brokers("redis"))
    with running_farm(LAAMBDA_BROKER_URL=redis.url) as farm:
        check_story(farm)
        assert not (farm.home / "run" / "broker.sock").exists()
