"""`python -m local`: see `local.command_line`."""

import os
import sys

from local.command_line import main

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # A start that was interrupted may still run in a thread, and an ordinary exit would wait for it. Its children die
    # with this process.
    os._exit(code)
