from __future__ import annotations

import pytest

from laambda.build.limits import UNPACKED_LIMIT, check_unpacked, heaviest, megabytes
from laambda.errors import BuildFailed


def test_sizes_read_well() -> None:
    assert [megabytes(size) for size in (0, 10, 5000, 19_083_223)] == ["0 KB", "1 KB", "5 KB", "18.2 MB"]


def test_the_heaviest_come_first_and_line_up() -> None:
    assert heaviest({"six": 1024, "numpy": 50 << 20}) == ["numpy    50.0 MB", "six         1 KB"]


def test_the_limit_itself_is_allowed() -> None:
    check_unpacked({"numpy": UNPACKED_LIMIT - 1, "(your files)": 1})


@pytest.mark.parametrize(
    ("packed", "words"), [(True, "The packages have 250.0 MB"), (False, "The app unpacks to 250.0 MB")]
)
def test_one_byte_more_is_refused_with_a_remedy(packed: bool, words: str) -> None:
    with pytest.raises(BuildFailed, match=words) as caught:
        check_unpacked({"numpy": UNPACKED_LIMIT, "six": 1}, packed=packed)
    assert ".laambdaignore" in caught.value.hint
