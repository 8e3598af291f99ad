from __future__ import annotations

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
