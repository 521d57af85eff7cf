"""`python -m local`: see `local.command_line`."""

import os
import sys

from local.command_line import main

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # A start that was interrupted may still be in a thread: an ordinary exit would wait. Its children die with us.
    os._exit(code)
