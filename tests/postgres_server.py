"""A PostgreSQL server for tests, from the machine's own binaries."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.ports import free_port


def find_postgres() -> Path | None:
    """The folder with initdb and postgres; Debian keeps them off the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    found = versions[-1] if versions else on_path and Path(on_path).resolve()
    return found.parent if found else None


class PostgresServer:
    def __init__(self, binaries: Path, port: int, user: str | None) -> None:
        self._binaries, self._port, self._user = binaries, port, user
        self._numbers = count()

    def new_database(self) -> str:
        """URL of a fresh, empty database."""
        name = f"islanders_{next(self._numbers)}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", "islanders", name)
        return f"postgresql+asyncpg://islanders@127.0.0.1:{self._port}/{name}"

    def _run(self, program: str, *args: str) -> None:
        subprocess.run(
            [self._binaries / program, *args], check=True, capture_output=True, user=self._user, cwd="/"
        )

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["PostgresServer"]:
        binaries = find_postgres()
        if binaries is None:
            raise RuntimeError("no PostgreSQL binaries")
        user = _unprivileged_user()
        server = cls(binaries, free_port(), user)
        with tempfile.TemporaryDirectory(prefix="islanders-postgres-", ignore_cleanup_errors=True) as name:
            if user is not None:
                shutil.chown(name, user)
            data, log = f"{name}/data", f"{name}/log"
            server._run("initdb", "-D", data, "-U", "islanders", "-A", "trust", "-N")
            options = f"-p {server._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
            server._run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
            try:
                yield server
            finally:
                server._run("pg_ctl", "-D", data, "-m", "immediate", "stop")


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root, so a root run hands it to another user."""
    if os.geteuid() != 0:
        return None
    return next(name for name in ("postgres", "nobody") if _exists(name))


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
