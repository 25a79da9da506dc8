"""One stack for one home: two would write the same Temporal database file."""

import fcntl
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.errors import StackError


@contextmanager
def only_stack_of(home: Path) -> Iterator[None]:
    """Holds the home's lock inside the block; the kernel frees it however the process ends.

    The file stays: removing it would let two stacks lock two files of the same name.
    """
    with (home / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise StackError(f"{home} is in use by {holder}: stop it or set ISLANDERS_HOME") from error
        file.truncate(0)
        file.write(f"`{shlex.join(sys.argv)}` (pid {os.getpid()})")
        file.flush()
        yield
