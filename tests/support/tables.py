"""Where do tests get a database with all tables from? A copy: migrating takes a second, each time."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from gateway.database.schema import migrate


@functools.cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leakgate.db"
        migrate(f"sqlite:///{path}")
        return path.read_bytes()


def sqlite(path: Path) -> str:
    """The URL of a new SQLite database at `path`, as `migrate` leaves it."""
    path.write_bytes(_empty())
    return f"sqlite:///{path}"
