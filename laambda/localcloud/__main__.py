"""``python -m laambda.localcloud --home DIR [--port P] [--settle MS]``."""

import sys

from laambda.localcloud import main

sys.exit(main())
