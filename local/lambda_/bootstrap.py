"""What runs in a function's own process before its handler: `lambda_bootstrap.py TASK_ROOT HANDLER`, by the emulator.

It stands alone: nothing of ours or of the .venv can be imported here, only the function, its layers and the runtime.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    task_root, handler = sys.argv[1:]
    _die_with_the_emulator()
    # Lambda's own order: the function, then (PYTHONPATH) its layers and the runtime. Our directory is not among them.
    sys.path[0] = task_root
    from awslambdaric.__main__ import main as run  # noqa: PLC0415 - it can be found from here on only

    run([handler, handler])


def _die_with_the_emulator() -> None:
    """The emulator puts us into a process group of our own, so that ending its group does not reach us."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:  # the emulator was gone before the line above could take effect
        sys.exit(1)


if __name__ == "__main__":
    main()
