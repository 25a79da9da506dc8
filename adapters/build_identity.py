"""What code this process runs."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOMS = ("domain", "workflows", "activities", "adapters", "api", "zep_local", "migrations")
FILES = ("settings.py", "worker_main.py")


@cache
def build_id() -> str:
    """Version plus eight hex digits over the installed source files: the same code, the same id."""
    root = Path(__file__).resolve().parent.parent
    sources = sorted(path for room in ROOMS for path in (root / room).rglob("*.py"))
    digest = hashlib.sha256()
    for path in (*sources, *(root / name for name in FILES)):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return f"{version('islanders')}+{digest.hexdigest()[:8]}"
