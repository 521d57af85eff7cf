"""`python -m local`: see `local.command_line`."""

import os
import sys

from local.command_line import main

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # An interrupted start may still run in a thread, for which an ordinary exit would wait. Its children die
    # with this process.
    os._exit(code)
