"""Becomes the given command, and dies with the process that started it.

Run as `python -I -S launch.py SUPERVISOR_PID COMMAND ...`. It is a program of its own because the kernel's
promise (prctl PR_SET_PDEATHSIG) must be asked for by the child itself: asking between fork and exec would run
Python code in a fork of a process that has threads, which may deadlock. A pipe that closes with the supervisor
would need every child to listen, and the Temporal server does not.

Only Linux has this. Elsewhere a supervisor that is killed with -9 leaves its children, and the next start
names the port they hold.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


def main() -> None:
    supervisor, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        # KILL, because a child that ignores TERM would stay for good when nobody is left to insist.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        # A supervisor that died before the line above sends no signal any more.
        if os.getppid() != supervisor:
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the command comes from devstack/stack.py


if __name__ == "__main__":
    main()
