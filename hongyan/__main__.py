"""`python -m hongyan` is the same as `hongyan`."""

import sys

from hongyan.command_line import main

sys.exit(main())
