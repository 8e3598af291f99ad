"""``python -m laambda.cli``: the ``laambda`` command of this interpreter."""

from laambda.cli import main

main()
