"""Writes a build's progress as the lines that a developer sees behind ``remote:``."""

from __future__ import annotations

from laambda.ports import BuildOutput, each_line


class OutputRecorder:
    """A ports.Recorder over the live output of one build."""

    def __init__(self, output: BuildOutput, build_id: int) -> None:
        self._output, self._build_id = output, build_id

    def headline(self, text: str) -> None:
        """``-----> text``"""
        self._write("-----> ", text)

    def detail(self, text: str) -> None:
        """Indented by seven."""
        self._write("       ", text)

    def warning(self, text: str) -> None:
        """`` !     text``"""
        self._write(" !     ", text)

    def _write(self, mark: str, text: str) -> None:
        if lines := [f"{mark}{line}".rstrip() for line in each_line(text)]:
            self._output.append(self._build_id, lines)
