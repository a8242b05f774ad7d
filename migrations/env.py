"""How does Alembic reach the database? Through the connection that it is handed.

`gateway.database.schema.migrate` hands one over, inside its transaction and with its lock
timeouts. The one place that knows all tables. The command line (`alembic revision --autogenerate`, for developers) takes the URL from
`LEAKGATE_DATABASE`.
"""

from __future__ import annotations

import os
from typing import Literal

from alembic import context
from sqlalchemy import Connection

import gateway.audit.tables
import gateway.coaching.tables
import gateway.console.tables
import gateway.exporters.tables
import gateway.incidents.count_tables
import gateway.incidents.tables
import gateway.incidents.work_tables
import gateway.shadow.tables
import gateway.vault.tables  # noqa: F401  # all put their tables into `Base`
from gateway.database.schema import connected
from gateway.database.tables import Base, UtcTime


def render(kind: str, item: object, _: object) -> str | Literal[False]:
    """A migration must not import our types: they change, it must not."""
    if kind == "type" and isinstance(item, UtcTime):
        return "sa.DateTime(timezone=True)"
    return False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        render_item=render,
        # SQLite cannot alter a column in place; Alembic then copies the table.
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


handed = context.config.attributes.get("connection")
if handed is not None:
    run(handed)
else:
    url = os.environ.get("LEAKGATE_DATABASE")
    if not url:
        raise SystemExit("set `LEAKGATE_DATABASE` to the URL of the database")
    with connected(url) as own:
        run(own)
        own.commit()
