"""The program that the emulator starts in a function's own process: `bootstrap.py TASK_ROOT HANDLER`.

It imports nothing of this project or of the .venv: only the function, its layers and the runtime are on its path.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    task_root, handler = sys.argv[1:]
    _die_with_the_emulator()
    # In Lambda's order: the function, then (from PYTHONPATH) its layers and the runtime. This replaces our directory.
    sys.path[0] = task_root
    from awslambdaric.__main__ import main as run  # noqa: PLC0415 - importable only once sys.path is set

    run([handler, handler])


def _die_with_the_emulator() -> None:
    """The emulator puts this process into a group of its own, which a signal to the emulator's group does not reach."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:  # the emulator died before the line above took effect
        sys.exit(1)


if __name__ == "__main__":
    main()
