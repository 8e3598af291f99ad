from __future__ import annotations

from laambda.build.limits import heaviest, megabytes
from laambda.build.recorder import OutputRecorder
from tests.fakes.output import FakeOutput


def test_lines_look_like_herokus() -> None:
    output = FakeOutput()
    recorder = OutputRecorder(output, 7)
    recorder.headline("Python app detected")
    recorder.detail("one\ntwo")
    recorder.warning("old")
    assert output.said(7) == ["-----> Python app detected", "       one", "       two", " !     old"]


def test_no_control_character_reaches_a_terminal() -> None:
    output = FakeOutput()
    OutputRecorder(output, 7).detail("a\x1b[2Jb\rc\x07")
    assert output.said(7) == ["       a[2Jb", "       c"]


def test_sizes_read_well() -> None:
    assert [megabytes(size) for size in (0, 10, 5000, 19_083_223)] == ["0 KB", "1 KB", "5 KB", "18.2 MB"]


def test_the_heaviest_come_first_and_line_up() -> None:
    assert heaviest({"six": 1024, "numpy": 50 << 20}) == ["numpy    50.0 MB", "six         1 KB"]
