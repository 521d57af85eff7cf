"""Runs a command that the kernel kills when the parent process dies: `die_with_parent.py PARENT_PID COMMAND...`.

This is a program because `preexec_fn` can deadlock in a process with threads, and warns from Python 3.12 on. The
`setpriv` of util-linux sets the same flag, but does not notice a parent that died before.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h; survives exec


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before the line above took effect
        sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
