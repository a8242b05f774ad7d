"""Are the migrations in step with the tables? `python -m gateway.incidents.check` tells.

Law: a database that the migrations built differs in nothing from what `tables` declares, and there
is one line of migrations, without branches.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from gateway.incidents import store


def differences(url: str) -> tuple[str, ...]:
    """What `tables` declares otherwise than the database at `url` has it, one line each."""
    with store.connected(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = [str(item) for item in compare_metadata(context, store.METADATA)]
    heads = ScriptDirectory.from_config(store.configuration()).get_heads()
    if len(heads) != 1:
        found.append(f"migrations have {len(heads)} heads ({', '.join(heads)}); merge them to one")
    return tuple(found)


def main() -> int:
    """Migrate a fresh SQLite database and compare; 0 when in step, 1 when not."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'check.db'}"
        store.migrate(url)
        found = differences(url)
    for line in found:
        sys.stderr.write(f"migrations are not in step with `tables`: {line}\n")
    if not found:
        sys.stdout.write(f"migrations are in step with the tables (at {store.newest()})\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
