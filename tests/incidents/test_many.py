"""What benches fill databases with is what the gateway would have stored."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.many import fill

from gateway.incidents.filters import Filters
from gateway.incidents.store import Store, adopt

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
FIGURES = {
    "incident_tallies": "kind, day, name, verdict, outcome, count",
    "incident_repeats": "fingerprint, rule, service, count, first_at, last_at",
}


@pytest.fixture
def filled(migrated_url):
    if not migrated_url.startswith("postgresql"):
        pytest.skip("benches fill PostgreSQL")
    store = Store.open(migrated_url)
    fill(store.engine, incidents=300, days=20, until=NOW, people=30)
    yield store
    store.close()


def rows(store, table, columns):
    with store.engine.connect() as connection:
        return set(connection.exec_driver_sql(f"SELECT {columns} FROM {table}").all())


def test_the_figures_are_those_that_counting_gives(filled):
    assert len(filled.list(Filters(), limit=1000)) == 300
    made = {table: rows(filled, table, columns) for table, columns in FIGURES.items()}
    with filled.engine.begin() as connection:
        for table in (*FIGURES, "incident_work"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
        ids = connection.exec_driver_sql("SELECT id FROM incidents").scalars().all()
        assert adopt(connection, ids) == 300
    assert {table: rows(filled, table, columns) for table, columns in FIGURES.items()} == made
    assert max(row[3] for row in made["incident_repeats"]) > 1
