"""Executes a program to which the kernel sends TERM when the process that started it is gone, however it went.

    python -I -S lifeline.py PARENT_PID PROGRAM [ARGUMENT...]

The supervisor starts web and worker through this file: they stop in order even when it is killed. A file of its own,
and nothing but the standard library, because it is executed once per part and replaced at once by the program.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Bind this process to its parent, then become the program. Exit status 1 if that parent is gone already."""
    parent, *argv = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0):
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    # A parent that ended before the call above is never reported, so look once more.
    if os.getppid() != int(parent):
        sys.exit(1)
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main()
