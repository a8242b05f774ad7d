"""How is a database reached? By its URL: SQLite for one machine, PostgreSQL for a company.

Law: every wait has a limit, a SQLite file is its owner's alone, and no statement's parameters reach
an error's text.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError


class StoreError(ValueError):
    """A database URL or schema that cannot be used; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds are waited: for a connection (at least 2), a lock, a whole statement."""

    connect: int = 5
    lock: int = 5
    statement: int = 30


def open_engine(url: str, patience: Patience = Patience(), *, durable: bool = True) -> Engine:
    """An engine on `sqlite:///PATH` or `postgresql://…`; connects when first used.

    What is committed outlives a power cut if it is `durable`; else the last moments may be missing
    then, but nothing is torn, and no commit waits for the disk. Raises `StoreError` for a URL that
    names no such database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        # No quoting: the URL may hold a password.
        raise StoreError(
            "`database` is no database URL; write `sqlite:///PATH` or `postgresql://HOST/NAME`"
        ) from None
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite(parsed, patience, durable=durable)
        case "postgresql" | "postgres":
            return _postgresql(parsed, patience, durable=durable)
        case other:
            raise StoreError(
                f"`database` is of kind `{other}`; only `sqlite` and `postgresql` are supported"
            )


def _sqlite(url: URL, patience: Patience, *, durable: bool) -> Engine:
    if not url.database or url.database == ":memory:":
        raise StoreError("`database` keeps everything in memory only; write `sqlite:///PATH`")
    path = Path(url.database)

    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        hide_parameters=True,
        connect_args={"timeout": patience.lock},
    )

    @event.listens_for(engine, "do_connect")
    def private(*_: object) -> None:
        # Made here, not by SQLite, so that nobody else can read who did what.
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # INVARIANT: a database that is there is never opened here. To close any descriptor of it
        # takes the locks of all connections of this process away (POSIX advisory locks); the next
        # reader that leaves would then delete the log that we still write to.
        # https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        # The driver must not begin transactions by itself: DDL would escape them.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if durable else 'NORMAL'}",
            "foreign_keys=ON",
            f"busy_timeout={patience.lock * 1000}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _postgresql(url: URL, patience: Patience, *, durable: bool) -> Engine:
    limits = f"-c lock_timeout={patience.lock}s -c statement_timeout={patience.statement}s"
    # What is asked is in indexes that are in memory or on an SSD, as the price for disks that turn
    # makes PostgreSQL forget; and no page takes all processors of a server that others use, too.
    # `options` of the URL have the last word.
    limits += " -c random_page_cost=1.1 -c max_parallel_workers_per_gather=0"
    if not durable:
        limits += " -c synchronous_commit=off"
    given = url.query.get("options", "")
    options = f"{limits} {given if isinstance(given, str) else ' '.join(given)}".strip()
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_size=2,
            max_overflow=3,
            pool_pre_ping=True,
            pool_recycle=1800,
            connect_args={
                "connect_timeout": patience.connect,
                "options": options,
                "application_name": "leakgate",
                # A database that vanished without a word is noticed within half a minute.
                "keepalives": 1,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 20_000,
            },
        )
    except (NoSuchModuleError, ImportError):  # pragma: no cover  # a broken installation
        raise StoreError("`database` needs the package `psycopg`; install it") from None


def kind_of(error: BaseException) -> str:
    """The kind of an error in words that quote nothing: class names and the SQLSTATE."""
    names = [type(error).__name__]
    if isinstance(error, DBAPIError) and error.orig is not None:
        names.append(type(error.orig).__name__)
        state = getattr(error.orig, "sqlstate", None) or getattr(
            error.orig, "sqlite_errorname", None
        )
        if state:
            names.append(str(state))
    elif isinstance(error, OSError) and error.errno:
        names.append(f"errno {error.errno}")
    return " ".join(names)
