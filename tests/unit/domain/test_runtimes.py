from __future__ import annotations

from datetime import date

import pytest

from laambda.domain.function import Architecture
from laambda.domain.runtimes import architecture, find, supported, table
from laambda.errors import BuildFailed

TODAY = date(2026, 6, 1)


def test_a_current_runtime_has_no_warning() -> None:
    runtime = find("python3.13", TODAY, origin=".python-version")
    assert (runtime.glibc, runtime.warning(TODAY)) == ((2, 34), "")


@pytest.mark.parametrize(
    ("identifier", "platform"),
    [("python3.11", "aarch64-manylinux2014"), ("python3.12", "aarch64-manylinux_2_34")],
)
def test_wheels_are_resolved_for_the_runtimes_operating_system(identifier: str, platform: str) -> None:
    assert table()[identifier].platform(Architecture.ARM64) == platform


def test_a_runtime_warns_half_a_year_before_its_deprecation_and_after_it() -> None:
    runtime = table()["python3.11"]
    assert runtime.warning(date(2027, 1, 1)) == "python3.11 is deprecated by AWS on 2027-06-30"
    assert "no security patches since 2027-06-30" in runtime.warning(date(2027, 7, 1))
    assert "no new functions since 2027-07-31" in runtime.warning(date(2027, 8, 1))


def test_a_dead_runtime_is_refused_with_the_date_and_what_to_use() -> None:
    with pytest.raises(
        BuildFailed, match=r"runtime\.txt asks for python3\.6, which AWS refuses since 2022-08-29"
    ) as caught:
        find("python3.6", TODAY, origin="runtime.txt")
    assert "python3.13" in caught.value.hint


def test_an_unknown_runtime_is_refused_by_the_file_that_asks_for_it() -> None:
    with pytest.raises(BuildFailed, match=r"runtime\.txt asks for python2\.1, which laambda can not build for"):
        find("python2.1", TODAY, origin="runtime.txt")


def test_each_runtime_ages_in_order() -> None:
    assert all(each.deprecated <= each.block_create <= each.block_update for each in table().values())
    assert supported(TODAY)[-1] == "python3.14"


def test_an_architecture_that_the_runtime_lacks_is_refused() -> None:
    with pytest.raises(BuildFailed, match=r"python3\.7 does not run on arm64"):
        architecture("arm64", table()["python3.7"], origin="laambda.toml")


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(BuildFailed, match=r"laambda\.toml asks for the architecture 'sparc'"):
        architecture("sparc", table()["python3.13"], origin="laambda.toml")
