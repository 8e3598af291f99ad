"""The command line: click commands over the HTTP client, one module a resource.

A command parses, calls the client, echoes. Modules are imported when their command runs, so that ``--help`` and every
call stay quick.
"""

from __future__ import annotations


def main() -> None:
    """The ``laambda`` command."""
    import os
    import sys

    from laambda.cli.run import run

    sys.exit(run(sys.argv[1:], os.environ))
