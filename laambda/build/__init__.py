"""From a pushed tree to a function zip: the five links extract, detect, build, zip and upload.

Python's fast path runs no customer code: dependencies are wheels, and a wheel is a zip whose deflated members
are copied raw into a slab that is made once per lock. See ``steps`` for the order of things.
"""

from __future__ import annotations

from laambda.errors import PlatformError


class WorkspaceGone(PlatformError):
    """What an earlier link left on this node's disk is not there any more; the build starts again at extract."""
