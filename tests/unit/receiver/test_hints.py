from __future__ import annotations

from receiver.hints import Hints


def test_words_that_git_cut_into_packets_are_heard() -> None:
    hints = Hints()
    hints.listen(b"0011\x02fatal: pack exc")
    hints.listen(b"0021\x02eeds maximum allowed size\n")

    assert list(hints.lines()) == [
        " !     The push is too large, its history included",
        " !     Keep data in S3, not in git; git filter-repo takes large files out of the history",
    ]


def test_nothing_is_added_to_what_needs_no_hint() -> None:
    hints = Hints()
    hints.listen(b"unpack ok")

    assert list(hints.lines()) == []
