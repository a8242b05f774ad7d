"""How does a database get its tables? By migrations, which gateways that start together do in turn.

Law: what `migrate` leaves is the newest schema or the one from before, never something between.
Which tables there are is known to `migrations/env.py`, not here: they belong to folders above.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from gateway.database.engines import StoreError, open_engine

MIGRATIONS = Path(__file__).parent / "migrations"
"""The migration scripts: a link to the top-level folder in a checkout, a folder when installed."""

_MIGRATION_LOCK = 0x1EA46A7E  # any number; the same for all gateways of one database


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest schema; nothing to do is no error.

    Gateways that start together wait for each other. On PostgreSQL a migration that cannot get its
    locks in time gives up with `OperationalError` instead of stopping everybody behind it.
    """
    engine = open_engine(url)
    try:
        with engine.connect() as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                # Waiting for the lock counts against lock_timeout, see `engines`.
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK}
                )
            else:
                # A first write takes SQLite's write lock, so two migrations cannot interleave.
                connection.exec_driver_sql("PRAGMA user_version = 0")
            config = configuration()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def configuration() -> Config:
    """Alembic's configuration, from code: an installed package has no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def newest() -> str:
    """The newest schema revision that this program knows."""
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    if head is None:
        raise StoreError("no migrations are installed; install the package again")
    return head


def current(url: str) -> str | None:
    """The schema revision of the database at `url`; None when it is empty."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """One connection to `url` for tools that look at the schema."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
