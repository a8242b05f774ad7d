from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError, StatementError

from gateway.database.schema import connected
from gateway.database.tables import Base
from gateway.incidents.record import NAME_CHARS, Incident
from gateway.incidents.store import Store


@pytest.fixture
def store(migrated_url):
    opened = Store.open(migrated_url)
    yield opened
    opened.close()


def test_times_are_utc_and_exact(store, incident):
    east = datetime(2026, 3, 1, 2, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    store.add([incident(1, at=east)])
    found = store.get("inc-1")
    assert found.at == east
    assert found.at.utcoffset() == timedelta(0)
    with pytest.raises(StatementError, match="without a zone"):
        store.add([incident(2, at=datetime(2026, 3, 1))])  # noqa: DTZ001  # the mistake in question


def test_a_child_without_its_incident_is_refused(store):
    with store.engine.begin() as connection, pytest.raises(IntegrityError):
        connection.exec_driver_sql(
            "INSERT INTO incident_unread (incident_id, position, path, reason, size, detail)"
            " VALUES ('nobody', 0, 'body', 'encrypted', 1, '')"
        )


def test_every_filter_and_reference_has_an_index(migrated_url):
    with connected(migrated_url) as connection:
        found = inspect(connection)
        indexed = {
            (table, tuple(index["column_names"]))
            for table in Base.metadata.tables
            for index in found.get_indexes(table)
        }
    assert {columns for table, columns in indexed if table == "incidents"} >= {
        ("at", "id"),
        ("id", "at"),
        ("actor", "at", "enforcement"),
        ("service", "at"),
        ("severity", "at"),
    }
    for table, column in (
        ("incident_rules", "rule"),
        ("incident_findings", "entity"),
        ("incident_fingerprints", "fingerprint"),
        ("incident_unread", "reason"),
    ):
        assert (table, (column, "incident_id")) in indexed


def test_no_column_can_hold_what_was_sent():
    # A new column has to be looked at: content must never get a place to stay.
    assert {
        column.name
        for table in Base.metadata.tables.values()
        for column in table.columns
        if not hasattr(column.type, "length") or (column.type.length or 1 << 30) > 4 * NAME_CHARS
    } <= {
        "at", "stored_at", "severity", "inspected", "findings_total", "unread_total", "omitted",
        "timings", "position", "count", "distinct", "confidence", "finding", "size",
        "sealed", "created", "expires_at", "started_at", "reached_at", "held_until",
        "sending_until",
        # What people who work on incidents write themselves, and what the gateway says of it.
        "text", "reason", "detail", "number", "version", "changed_at",
        "id", "seq", "before", "seal", "floor_seq", "floor_seal", "head_seal",
        "asked_at", "decided_at", "valid_until", "withdrawn_at", "place", "day", "first_at", "last_at",
        # Accounts of the console: times, and yes or no.
        "created_at", "signed_in_at", "seen_at", "used_at", "password_ends", "must_change",
        "disabled",
        # Yes or no: whether a reason had been given.
        "justified",
        # Patterns of groups, as policies and settings write them.
        "asked",
        # Coaching: counts of entities, keyed digests, times.
        "found", "marks", "times", "answered_at",
        # Sums of what went to hosts that look like AI services.
        "tunnels", "requests", "sent", "received",
    }  # fmt: skip
    assert not {field for field in Incident.__slots__ if field in {"body", "text", "content"}}
