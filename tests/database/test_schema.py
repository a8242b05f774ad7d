from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from gateway.database import schema
from gateway.database.check import differences
from gateway.database.engines import Patience, open_engine
from gateway.database.schema import connected, migrate


def test_migrations_are_in_step_with_the_tables(url):
    migrate(url)
    assert differences(url) == ()
    assert schema.current(url) == schema.newest()


def test_migrating_again_and_at_once_is_harmless(url):
    errors: list[BaseException] = []

    def run() -> None:
        try:
            migrate(url)
        except BaseException as error:  # shown by the assertion below
            errors.append(error)

    # Alembic keeps its context in a global, so the concurrency is between processes.
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=migrate, args=(url,)) for _ in range(2)]
    for other in others:
        other.start()
    run()
    for other in others:
        other.join(30)
    assert errors == []
    assert [other.exitcode for other in others] == [0, 0]
    assert differences(url) == ()


def test_every_migration_can_be_taken_back(url):
    from alembic import command
    from sqlalchemy import inspect

    migrate(url)
    with connected(url) as connection, connection.begin():
        config = schema.configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with connected(url) as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    migrate(url)
    assert differences(url) == ()


def test_a_migration_gives_up_on_a_lock_instead_of_waiting_for_ever(postgres, monkeypatch):
    impatient = partial(open_engine, patience=Patience(lock=1))
    monkeypatch.setattr(schema, "open_engine", impatient)
    url = postgres.create("locked")
    with connected(url) as holder, holder.begin():
        holder.exec_driver_sql(f"SELECT pg_advisory_xact_lock({schema._MIGRATION_LOCK})")
        with pytest.raises(OperationalError):
            migrate(url)
    migrate(url)
    assert differences(url) == ()


def test_migrations_are_where_an_installed_package_looks():
    assert (schema.MIGRATIONS / "env.py").is_file()
    assert schema.newest().startswith("v")
    top = Path(__file__).parents[2] / "migrations"
    assert schema.MIGRATIONS.resolve() == top.resolve()
